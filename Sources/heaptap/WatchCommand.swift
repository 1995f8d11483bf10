import AllocationModel
import ArgumentParser
import LinuxSystem
import Monitoring

/// `heaptap watch`: the rolling table of running processes.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Watch running processes, without restarting them.",
    discussion: """
      Which ones: --pid (also several times), --name, --cgroup or --all. With the last three, \
      processes that are started later are watched from their first instruction, whatever \
      allocator they use and in whatever container they run.
      """)

  @OptionGroup var target: TargetOptions
  @OptionGroup var options: ObservationOptions

  @Option(
    help: ArgumentHelp(
      "The share of its time that observing may cost a target; 0.1% to 50%.", valueName: "share"))
  var budget = Budget.standard

  @Flag(
    inversion: .prefixedNo,
    help: "Stop a process with growing sites for a moment now and then, and see what holds them.")
  var inspect = true

  func run() throws {
    try TargetCheck.checkNamespace()
    let scope = try target.scope()
    let signals = try SignalReader()
    ResourceLimits.raiseDescriptors()
    var wanted = options.observation
    wanted.budget = options.exact ? nil : budget.settings
    wanted.inspections = inspect ? Observation.Options.Inspections() : nil
    let observation = try Observation(options.settings, scope: scope, options: wanted)
    try observation.begin()
    let printer = SnapshotPrinter(.standardOutput, options)
    let loop = WatchLoop(observation, options.schedule(startsAtOnce: true), signals: signals)
    _ = try loop.run(pids: scope.namedPids) {
      printer.print($0, sourceFailures: observation.takeSourceFailures())
    }
  }
}
