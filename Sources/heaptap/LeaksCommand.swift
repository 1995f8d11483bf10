import AllocationModel
import ArgumentParser
import Exporters
import Inspection
import LinuxSystem
import Presentation

/// `heaptap leaks`: blocks that nothing references any more.
struct LeaksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "leaks",
    abstract: "Find blocks of a process that nothing references any more, without any tracing.",
    discussion: """
      Words of registers, stacks, variables and other private memory that are addresses of blocks, \
      and words of such blocks in turn, reach what is in use. What is left is lost: definitely, if \
      nothing lost points to it either; indirectly, if it does; possibly, if only addresses within a \
      block lead there. A program that keeps its pointers in another form looks as if it leaked.
      """)

  @OptionGroup var options: InspectionOptions

  @Option(help: "Trees of lost blocks that are shown.")
  var top = 20

  @Flag(help: "Exit with status 1 if a block is definitely lost.")
  var failOnLeak = false

  func run() throws {
    let survey = try options.survey()
    var leaks = Self.leaks(of: survey)
    let hidden = max(0, leaks.trees.count - top)
    leaks.trees = Array(leaks.trees.prefix(top))
    OutputStream.standardOutput.write(
      options.json ? JSONLeaksExporter.line(leaks) : Self.text(leaks, hidden: hidden))
    HeapText.summarize(survey.walk, survey.image)
    if failOnLeak, leaks.definitely.blocks > 0 { throw CommandEnding(status: 1) }
  }

  private static func leaks(of survey: HeapSurvey) -> HeapLeaks {
    let (walk, references) = (survey.walk, survey.references)
    let kinds = references.leakKinds
    var leaks = HeapLeaks(pid: survey.image.pid)
    for (block, kind) in zip(walk.blocks, kinds.kinds) {
      let total =
        switch kind {
        case .definitely: \HeapLeaks.definitely
        case .indirectly: \HeapLeaks.indirectly
        case .possibly: \HeapLeaks.possibly
        case .reachable: \HeapLeaks.reachable
        }
      leaks[keyPath: total].blocks += 1
      leaks[keyPath: total].bytes += block.byteCount
    }
    leaks.trees = LeakTree.trees(
      graph: references.graph, kinds: kinds, byteCounts: walk.blocks.map(\.byteCount)
    ).map {
      HeapLeaks.Tree(
        kind: $0.kind.rawValue, address: walk.blocks[$0.head].address,
        total: HeapLeaks.Total(blocks: UInt64($0.blockCount), bytes: $0.byteCount),
        type: survey.types.nominalName($0.head))
    }
    return leaks
  }

  private static func text(_ leaks: HeapLeaks, hidden: Int) -> String {
    func line(_ title: String, _ total: HeapLeaks.Total) -> String {
      "\(title)  \(Figure.bytes(total.bytes)) in \(Figure.blocks(total.blocks))\n"
    }
    var text =
      line("definitely lost", leaks.definitely) + line("indirectly lost", leaks.indirectly)
      + line("possibly lost  ", leaks.possibly) + line("still reachable", leaks.reachable)
    if !leaks.trees.isEmpty { text += "\n" }
    for tree in leaks.trees {
      text +=
        "\(tree.kind)  0x\(String(tree.address, radix: 16))  \(Figure.bytes(tree.total.bytes)) in "
        + "\(Figure.blocks(tree.total.blocks))\(tree.type.map { "  " + $0.printable } ?? "")\n"
    }
    if hidden > 0 { text += "\(hidden) more; --top shows more\n" }
    return text
  }
}
