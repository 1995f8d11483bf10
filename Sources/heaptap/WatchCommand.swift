import AllocationModel
import ArgumentParser
import LinuxSystem
import Monitoring

/// `heaptap watch`: the rolling table of a running process.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Watch a running process, without restarting it.")

  @Option(help: ArgumentHelp("The process to watch.", valueName: "pid"))
  var pid: Int32

  @OptionGroup var options: ObservationOptions

  func run() throws {
    try TargetCheck.checkNamespace()
    try TargetCheck.check(pid: pid)
    let signals = try SignalReader()
    let observation = try Observation(options.settings, options: options.observation)
    // All functions begin to count together: a block must not be seen born and not be seen freed.
    guard try observation.attachToNewFiles(of: pid) > 0 else {
      throw TargetCheck.noAllocator(pid: pid)
    }
    try observation.addTarget(pid: pid, isFromStart: false)
    let printer = SnapshotPrinter(.standardOutput, options)
    let loop = WatchLoop(observation, options.schedule(startsAtOnce: true), signals: signals)
    _ = try loop.run(pids: [pid]) {
      printer.print($0, sourceFailures: observation.takeSourceFailures())
    }
  }
}
