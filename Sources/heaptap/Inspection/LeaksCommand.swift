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

  @Option(
    help: ArgumentHelp(
      "Show so many trees of lost blocks, or groups (default: 20; all with --json).",
      valueName: "number"))
  var top: Int?

  @Option(help: "Show sums of trees by the type or the size of their first block.")
  var by: LeakGroup.Key?

  @Option(
    help: ArgumentHelp(
      "Leave out trees that were lost already in a former run, whose --json output is in this file.",
      valueName: "file"))
  var diff: String?

  @Flag(
    help:
      "Exit with status 1 if a block is definitely lost; with --diff, if one is that was not before."
  )
  var failOnLeak = false

  func validate() throws {
    guard top ?? 1 > 0 else { throw ValidationError("--top takes a number from 1 on") }
    guard by == nil || !options.json else {
      throw ValidationError("--by is for people; JSON has the trees themselves")
    }
  }

  func run() throws {
    let former = try diff.map { try FormerRun.read($0, of: "leaks", JSONLeaksExporter.leaks) }
    let survey = try options.survey()
    var leaks = Progress.during("following references") { Self.leaks(of: survey) }
    if let former { leaks.trees = leaks.trees(since: former) }
    let isFailure = former == nil ? leaks.definitely.blocks > 0 : !leaks.trees.isEmpty
    OutputStream.standardOutput.write(
      options.json
        ? json(leaks) : LeakTreeText.render(leaks, by: by, limit: top ?? 20, isDiff: former != nil))
    HeapText.summarize(survey.walk, survey.image)
    if failOnLeak, isFailure { throw CommandEnding(status: 1) }
  }

  private func json(_ leaks: HeapLeaks) -> String {
    var leaks = leaks
    if let top { leaks.trees = Array(leaks.trees.prefix(top)) }
    return JSONLeaksExporter.line(leaks)
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
        type: survey.nominalName($0.head),
        headByteCount: walk.blocks[$0.head].byteCount)
    }
    return leaks
  }
}

extension LeakGroup.Key: ExpressibleByArgument {}
