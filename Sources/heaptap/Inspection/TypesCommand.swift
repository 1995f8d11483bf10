import AllocationModel
import ArgumentParser
import Exporters
import Inspection
import LinuxSystem
import Monitoring
import Presentation
import Processes

/// `heaptap types`: how much of a heap is of which type.
struct TypesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "types",
    abstract: "Count the blocks of a process by type, without any tracing.",
    discussion: """
      Objects of C++ classes with virtual functions and of Swift classes are known by name, also in \
      programs without symbols. Of other blocks it is said whether they are text, nothing but \
      addresses or nothing but zeros; what is left is counted by size.
      """)

  @OptionGroup var options: InspectionOptions

  @Option(help: "Types that are shown; JSON has all.")
  var top = 40

  @Option(
    help: ArgumentHelp(
      "Show what has grown since a former run, whose --json output is in this file.",
      valueName: "file"))
  var diff: String?

  func run() throws {
    let former = try diff.map {
      try FormerRun.read($0, of: "types", JSONTypesExporter.census)
    }
    let survey = try options.survey()
    var census = Progress.during("looking at types") { survey.census() }
    if let former { census = census.compared(with: former) }
    OutputStream.standardOutput.write(
      options.json ? JSONTypesExporter.line(census) : TypeText.render(census, limit: top))
    HeapText.summarize(survey.walk, survey.image)
  }
}
