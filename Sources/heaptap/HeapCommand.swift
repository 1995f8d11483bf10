import AllocationModel
import ArgumentParser
import Exporters
import Inspection
import LinuxSystem
import Presentation

/// `heaptap heap`: what a heap is made of, and where resident memory goes.
struct HeapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heap",
    abstract: "Account for the resident memory of a process: live, cached, free, and the rest.",
    discussion: """
      Says what the allocator holds beside what the program does, which of it malloc_trim(3) would \
      give back, and which blocks keep pages that are nearly empty. All resident memory adds up to \
      what the kernel counts.
      """)

  @OptionGroup var options: InspectionOptions

  @Option(help: "Arenas that are shown, and sizes of blocks that keep nearly empty pages.")
  var top = 10

  func validate() throws {
    guard top >= 1 else { throw ValidationError("--top takes 1 or more") }
  }

  func run() throws {
    let (image, walk) = try options.inspect(countingResidence: true)
    let account = walk.account(in: image)
    let output = OutputStream.standardOutput
    let report = HeapReport(
      width: output.columns ?? 100, usesColor: output.isTerminal, maximumRows: top)
    output.write(
      options.json
        ? JSONHeapExporter.line(account, maximumPins: top) : report.render(account))
    HeapText.summarize(walk, image)
  }
}
