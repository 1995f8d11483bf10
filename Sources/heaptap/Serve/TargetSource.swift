import AllocationModel
import AllocationProbes
import LinuxSystem
import Monitoring
import Processes
import Serving

/// Observes the processes of a scope and publishes a snapshot at each interval.
///
/// This is all that the daemon knows of the engine. Used by one thread.
final class TargetSource {
  /// A snapshot with what the daemon says of the engine beside it.
  struct Report {
    var snapshot: Snapshot
    /// Seconds from the beginning of the reading until now.
    var pollDuration: Double
    var attachedFiles: [String]
  }

  private let observation: Observation
  private let loop: WatchLoop
  private let namedPids: [Int32]

  /// Signals are blocked from now on; SIGINT and SIGTERM end `run`.
  ///
  /// - Throws: `ObservationError` where probes can't be loaded or a process that is named by its id can't be observed.
  init(_ configuration: ServeConfiguration, signals: consuming SignalReader) throws {
    try TargetCheck.checkNamespace()
    ResourceLimits.raiseDescriptors()
    let scope = try TargetScope(configuration.scope)
    namedPids = scope.namedPids
    observation = try Observation(
      ProbeSettings(
        maximumBlocks: configuration.maximumBlocks, maximumStacks: configuration.maximumStacks),
      scope: scope,
      options: Observation.Options(
        horizon: configuration.horizon, namedSiteCount: configuration.top,
        budget: configuration.budget.map { Governor.Settings(budget: $0) }))
    observation.excludedNames = Set(configuration.excludedNames)
    loop = WatchLoop(
      observation, WatchLoop.Schedule(interval: configuration.interval, startsAtOnce: true),
      signals: signals)
    try observation.begin()
  }

  func leaveOut(_ names: [String]) { observation.excludedNames = Set(names) }

  /// Returns when a signal asks for it, when `publish` answers false, or when all of a fixed set of processes have
  /// ended. The last report covers everything that was counted.
  func run(publish: (Report) -> Bool) throws {
    _ = try loop.run(pids: namedPids) { snapshot in
      publish(
        Report(
          snapshot: snapshot, pollDuration: observation.lastSnapshotDuration,
          attachedFiles: observation.attachedFiles))
    }
  }
}

extension TargetScope {
  /// - Throws: `ObservationError` for what is no process or no cgroup.
  fileprivate init(_ scope: ServeConfiguration.Scope) throws {
    switch scope {
    case .all: self = .everything
    case .names(let names): self = .names(names.compactMap(NamePattern.init))
    case .pids(let pids): self = try .checking(pids)
    case .cgroups(let paths):
      guard let path = paths.first, paths.count == 1 else {
        throw ObservationError(
          .usage,
          "cannot observe \(paths.count) cgroups: scope.cgroups takes one, with all below it")
      }
      self = try .cgroup(at: path)
    }
  }
}
