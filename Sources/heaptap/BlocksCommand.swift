import AllocationModel
import ArgumentParser
import Exporters
import Inspection
import LinuxSystem

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
    let (image, walk) = try options.inspect()
    var output = ""
    for block in walk.blocks {
      output +=
        options.json
        ? JSONBlockExporter.line(BlockRecord(address: block.address, byteCount: block.byteCount))
        : "0x\(String(block.address, radix: 16))  \(block.byteCount)\n"
      if output.utf8.count > 1 << 16 {
        guard OutputStream.standardOutput.write(output) else { return }
        output = ""
      }
    }
    OutputStream.standardOutput.write(output)
    HeapText.summarize(walk, image)
  }
}
