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
    abstract: "Find blocks of a process that nothing references any more.",
    discussion: """
      Words of registers, stacks, variables and other private memory that are addresses of blocks, \
      and words of such blocks in turn, reach what is in use. What is left is lost: definitely, if \
      nothing lost points to it either; indirectly, if it does; possibly, if only addresses within a \
      block lead there. A program that keeps its pointers in another form looks as if it leaked. \
      Nothing is traced, unless --trace asks for stacks.
      """)

  @OptionGroup var options: InspectionOptions

  @Option(
    help: ArgumentHelp(
      "Show so many trees of lost blocks, or groups (default: 20; all with --json).",
      valueName: "number"))
  var top: Int?

  @Option(
    help: ArgumentHelp(
      "Watch every allocation for so long first, and show the stacks of what is lost of these.",
      valueName: "seconds"))
  var trace: Double?

  @Option(
    help: "Show sums of trees by the stack (with --trace), type or size of their first block.")
  var by: LeakGroup.Key?

  @Option(help: ArgumentHelp("Show at most this many frames of a stack.", valueName: "number"))
  var frames = 12

  @OptionGroup var suppression: SuppressionOptions

  @Option(
    help: ArgumentHelp(
      "Leave out trees that were lost already in a former run, whose --json output is in this file.",
      valueName: "file"))
  var diff: String?

  @Flag(
    help: """
      Exit with status 1 if a block is definitely lost that is not suppressed; with --diff, if one \
      is that was not before.
      """)
  var failOnLeak = false

  func validate() throws {
    guard top ?? 1 > 0 else { throw ValidationError("--top takes a number from 1 on") }
    guard frames > 0 else { throw ValidationError("--frames takes a number from 1 on") }
    guard by == nil || !options.json else {
      throw ValidationError("--by is for people; JSON has the trees themselves")
    }
    guard by != .stack || trace != nil else {
      throw ValidationError(
        "--by stack needs --trace, as only what is allocated while heaptap watches has a stack")
    }
    guard trace == nil || options.pid != nil else {
      throw ValidationError("--trace needs --pid, a process that can still be watched")
    }
    guard trace ?? 1 > 0, trace ?? 1 <= 1e9 else {
      throw ValidationError("--trace takes more than 0 and at most 1e9 seconds")
    }
  }

  func run() throws {
    let suppressions = try suppression.list()
    let former = try diff.map { try FormerRun.read($0, of: "leaks", JSONLeaksExporter.leaks) }
    let traced = try trace.map { try TracedInspection(options, seconds: $0) }
    let survey = try traced?.survey() ?? options.survey()
    let losses = Progress.during("following references") { HeapLosses(of: survey) }
    var leaks = traced?.leaks(losses) ?? losses.leaks()
    leaks.suppress(suppressions)
    if let former { leaks.trees = leaks.trees(since: former) }
    let isFailure = former == nil ? leaks.definitely.blocks > 0 : !leaks.trees.isEmpty
    let output = OutputStream.standardOutput
    let text = LeakTreeText(
      by: by, limit: top ?? 20, isDiff: former != nil, hasStacks: traced != nil,
      width: output.columns ?? 100, maximumFrames: frames)
    output.write(options.json ? json(leaks) : text.render(leaks))
    HeapText.summarize(survey.walk, survey.image)
    if failOnLeak, isFailure { throw CommandEnding(status: 1) }
  }

  private func json(_ leaks: HeapLeaks) -> String {
    var leaks = leaks
    if let top { leaks.trees = Array(leaks.trees.prefix(top)) }
    return JSONLeaksExporter.line(leaks)
  }
}

extension LeakGroup.Key: ExpressibleByArgument {}
