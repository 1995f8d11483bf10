import AllocationModel
import ArgumentParser
import Exporters
import Inspection
import LinuxSystem
import Presentation

/// `heaptap blocks`: every block that a process has now, also those from before heaptap was started.
struct BlocksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "blocks",
    abstract: "List all live blocks of a process, without any tracing.",
    discussion: """
      The process is stopped, its memory copied, and it goes on; its heap is read in the copy. It sees \
      nothing of that but the time. glibc 2.26 to 2.43 is understood. JSON is one object per line.
      """)

  @OptionGroup var options: InspectionOptions

  func run() throws {
    let survey = try options.survey()
    var output = ""
    for (number, block) in survey.walk.blocks.enumerated() {
      let type = survey.types[number]
      let record = BlockRecord(
        address: block.address, byteCount: block.byteCount,
        type: type.kind == .size ? nil : type.name)
      output +=
        options.json ? JSONBlockExporter.line(record) : Self.text(record)
      if output.utf8.count > 1 << 16 {
        guard OutputStream.standardOutput.write(output) else { return }
        output = ""
      }
    }
    OutputStream.standardOutput.write(output)
    HeapText.summarize(survey.walk, survey.image)
  }

  private static func text(_ block: BlockRecord) -> String {
    let type = block.type.map { "  " + $0.printable } ?? ""
    return "\(Figure.hexadecimal(block.address))  \(block.byteCount)\(type)\n"
  }
}
