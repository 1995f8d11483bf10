import ArgumentParser
import Exporters
import Inspection
import LinuxSystem
import Presentation

/// `heaptap where`: what is at an address.
struct WhereCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "where",
    abstract: "Say what is at an address of a process, and what holds it.",
    discussion: """
      A block of the heap, live or free, with its size and type; a variable or function of a module; \
      a stack or the thread-local storage of a thread; or another mapping. Of a live block, one of \
      the shortest chains is shown that hold it.
      """)

  @OptionGroup var options: InspectionOptions

  @Argument(help: "The address, hexadecimal with 0x.")
  var address: Address

  func run() throws {
    let survey = try options.survey()
    let place = Progress.during("looking for chains") { survey.place(at: address.value) }
    OutputStream.standardOutput.write(
      options.json ? JSONPlaceExporter.line(place) : PlaceText.render(place))
    HeapText.summarize(survey.walk, survey.image)
  }
}
