import AllocationModel
import ArgumentParser
import Exporters
import Inspection
import LinuxSystem
import Monitoring
import Processes

/// `heaptap blocks`: every block that a process has now, also those from before heaptap was started.
struct BlocksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "blocks",
    abstract: "List all live blocks of a process, without any tracing.",
    discussion: """
      The process is stopped, its memory copied, and it goes on; its heap is read in the copy. It sees \
      nothing of that but the time. glibc 2.26 to 2.43 is understood.
      """)

  @Option(help: ArgumentHelp("The process.", valueName: "pid"))
  var pid: Int32

  @Flag(help: "Print one JSON object per block.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Let the process go after this time at the latest, and give up.", valueName: "seconds"))
  var maxPause = 2.0

  func validate() throws {
    guard maxPause > 0, maxPause <= 3600 else {
      throw ValidationError("--max-pause takes seconds, more than 0 and at most 3600")
    }
  }

  func run() throws {
    try TargetCheck.check(pid: pid)
    let (walk, image) = try inspect()
    var output = ""
    for block in walk.blocks {
      output +=
        json
        ? JSONBlockExporter.line(BlockRecord(address: block.address, byteCount: block.byteCount))
        : "0x\(String(block.address, radix: 16))  \(block.byteCount)\n"
      if output.utf8.count > 1 << 16 {
        guard OutputStream.standardOutput.write(output) else { return }
        output = ""
      }
    }
    OutputStream.standardOutput.write(output)
    summarize(walk, image)
  }

  private func inspect() throws(InspectionError) -> (HeapWalk, ProcessImage) {
    let copier = try ImageCopier(pid: pid, maximumPause: .seconds(maxPause))
    OutputStream.standardError.write(
      "heaptap: process \(pid) stands still for about \(Self.milliseconds(copier.expectedPause)) ms\n"
    )
    let image = try copier.copy()
    let module = try GlibcModule.find(
      in: ProcessDirectory(pid: pid), mappings: image.regions.map(\.mapping))
    return (try GlibcWalker(module).walk(image), image)
  }

  /// What the walk says of itself, beside the blocks.
  private func summarize(_ walk: HeapWalk, _ image: ProcessImage) {
    let bytes = walk.blocks.reduce(0) { $0 + $1.byteCount }
    var text =
      "heaptap: \(walk.allocator): \(Figure.blocks(UInt64(walk.blocks.count))), \(Figure.bytes(bytes));"
      + " it stood still for \(Self.milliseconds(image.pause)) ms\n"
    let wrong = walk.checks.filter { !$0.isOK }
    if wrong.isEmpty { text += "heaptap: all \(walk.checks.count) checks of the heap hold\n" }
    for check in wrong {
      text += "heaptap: the check of \(check.name) does not hold: \(check.detail)\n"
    }
    if image.unreadablePageCount > 0 {
      text += "heaptap: \(image.unreadablePageCount) pages could not be read\n"
    }
    for damage in walk.damage {
      text += "heaptap: damaged at 0x\(String(damage.address, radix: 16)): \(damage.detail)\n"
    }
    let unsaid = walk.damageCount - walk.damage.count
    if unsaid > 0 { text += "heaptap: \(unsaid) more places are damaged\n" }
    OutputStream.standardError.write(text)
  }

  private static func milliseconds(_ duration: Duration) -> String {
    let value = duration / .milliseconds(1)
    return String((value * 10).rounded() / 10)
  }
}
