import AllocationModel
import ArgumentParser
import Inspection
import LinuxSystem
import Monitoring
import SystemPackage

/// `heaptap run`: a new process from its first instruction.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Start a command and watch it from its first instruction.",
    discussion: """
      Tables go to standard error, so that the command's output stays its own. The exit status is \
      the command's, or 1 if --fail-on-leak finds a leak and the command itself succeeded.
      """)

  @OptionGroup var options: ObservationOptions

  @OptionGroup var leaks: LeakOptions

  @Option(help: ArgumentHelp("Write tables to a file.", valueName: "file"))
  var output: String?

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("The command and its arguments, after --.", valueName: "command"))
  var command: [String]

  func validate() throws {
    guard !words.isEmpty else {
      throw ValidationError("run takes a command: heaptap run -- cmd args")
    }
  }

  private var words: [String] { command.first == "--" ? Array(command.dropFirst()) : command }

  func run() throws {
    let suppressions = try leaks.suppression.list()
    let file = try output.map { try OutputFile($0) }
    try TargetCheck.checkNamespace()
    let signals = try SignalReader()
    var wanted = options.observation
    // Suppressions are matched against the names of all sites, and each leak is shown by name.
    if leaks.failOnLeak { wanted.namedSiteCount = .max }
    let observation = try Observation(
      options.settings, scope: .processes([]), options: wanted)
    let printer = SnapshotPrinter(file?.stream ?? .standardError, options)
    let inspector = leaks.needsHeap ? ExitInspector(observation) : nil
    let (pid, early) = try CommandLauncher.start(words, in: observation, inspector: inspector)
    func status(_ ending: TracedCommand.Ending, _ last: Snapshot?) -> Int32 {
      guard leaks.failOnLeak, let last else { return ending.shellStatus }
      let isFailure = report(last, inspector?.losses(), of: observation, printer, suppressions)
      return ending.shellStatus == 0 && isFailure ? 1 : ending.shellStatus
    }
    let loop = WatchLoop(observation, options.schedule(startsAtOnce: false), signals: signals)
    if let early {
      let last = observation.takeSnapshot(isLast: true)
      _ = printer.print(last, sourceFailures: observation.takeSourceFailures())
      throw CommandEnding(status: status(early, last))
    }
    var last: Snapshot?
    let ending = try loop.run(pids: [pid], child: pid) {
      last = $0
      return printer.print($0, sourceFailures: observation.takeSourceFailures())
    }
    // What is allocated before the end is no leak yet.
    if leaks.failOnLeak, ending != .targetsGone {
      try loop.waitForEnd(of: pid)
      observation.handleEvents()
      observation.markExited(pid: pid)
      last = observation.takeSnapshot(isLast: true)
    }
    observation.detach()
    try loop.waitForEnd(of: pid)
    let end = TracedCommand.waitForEnding(of: pid)
    throw CommandEnding(status: status(end, last))
  }

  /// Reports leaks: what the heap shows, if somebody has looked, or else what was never freed. True: that is a failure.
  private func report(
    _ last: Snapshot, _ losses: Result<HeapLosses, ExitInspector.Obstacle>?,
    of observation: Observation, _ printer: SnapshotPrinter, _ suppressions: SuppressionList
  ) -> Bool {
    var obstacle: String?
    switch losses {
    case .success(let losses):
      let report = observation.lossReport(
        losses, last: last, kinds: leaks.leakKinds.kinds, suppressions: suppressions,
        limit: leaks.leakLimit)
      printer.print(report, lost: last.lost)
      return report.isFailure
    case .failure(let reason): obstacle = reason.sentence
    case nil: break
    }
    let report = LeakReport(last, suppressions: suppressions, limit: leaks.leakLimit)
    printer.print(report, lost: last.lost, obstacle: obstacle)
    return report.isFailure
  }
}

/// The file that `--output` names, open as long as it is written to.
private final class OutputFile {
  private let descriptor: OwnedDescriptor
  var stream: OutputStream { OutputStream(descriptor: descriptor.rawValue) }

  init(_ path: String) throws(ObservationError) {
    do throws(Errno) {
      descriptor = try OwnedDescriptor.creating(path)
    } catch {
      throw ObservationError(
        .usage, "cannot write to \(path): \(error.description.lowercased()); choose another file")
    }
  }
}
