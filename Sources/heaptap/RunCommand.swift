import AllocationModel
import ArgumentParser
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
      the command's.
      """)

  @OptionGroup var options: ObservationOptions

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
    let file = try output.map { try OutputFile($0) }
    try TargetCheck.checkNamespace()
    let signals = try SignalReader()
    let observation = try Observation(
      options.settings, scope: .processes([]), options: options.observation)
    let (pid, early) = try CommandLauncher.start(words, in: observation)
    let printer = SnapshotPrinter(file?.stream ?? .standardError, options)
    let loop = WatchLoop(observation, options.schedule(startsAtOnce: false), signals: signals)
    if let early {
      _ = printer.print(
        observation.takeSnapshot(isLast: true), sourceFailures: observation.takeSourceFailures())
      throw CommandEnding(status: early.shellStatus)
    }
    _ = try loop.run(pids: [pid], child: pid) {
      printer.print($0, sourceFailures: observation.takeSourceFailures())
    }
    observation.detach()
    try loop.waitForEnd(of: pid)
    throw CommandEnding(status: TracedCommand.waitForEnding(of: pid).shellStatus)
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
