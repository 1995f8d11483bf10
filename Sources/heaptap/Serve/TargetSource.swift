import AllocationModel
import AllocationProbes
import Executables
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
    /// Seconds from the reading of the counters until now.
    var pollDuration: Double
    var attachedFiles: [String]
  }

  private let observation: Observation
  private let loop: WatchLoop
  private var finder: AllocatorFinder
  private var scanner: ScopeScanner
  private var attachedFiles: Set<String> = []
  /// Not yet in a snapshot, or refused: not to be tried again as long as it runs.
  private var tried: Set<Int32> = []

  /// Signals are blocked from now on; SIGINT and SIGTERM end `run`.
  ///
  /// - Throws: `ObservationError` where probes can't be loaded or a process that is named by its id can't be observed.
  init(_ configuration: ServeConfiguration, signals: consuming SignalReader, ownPid: Int32) throws {
    try TargetCheck.checkNamespace()
    let settings = ProbeSettings(
      maximumBlocks: configuration.maximumBlocks, maximumStacks: configuration.maximumStacks,
      followsChildren: configuration.hasManyTargets)
    observation = try Observation(
      settings, options: Observation.Options(namedSiteCount: configuration.top))
    loop = WatchLoop(
      observation, WatchLoop.Schedule(interval: configuration.interval, startsAtOnce: true),
      signals: signals)
    finder = AllocatorFinder(profile: observation.session.calibration.profile)
    scanner = ScopeScanner(
      configuration.scope, excludedNames: configuration.excludedNames, ownPid: ownPid)
    if case .pids(let pids) = configuration.scope {
      for pid in pids {
        try TargetCheck.check(pid: pid)
        try add(pid)
      }
      tried = Set(pids)
    } else {
      addNewTargets(known: [])
    }
  }

  func leaveOut(_ names: [String]) { scanner.excludedNames = Set(names) }

  /// Returns when a signal asks for it, when `publish` answers false, or when all of a fixed set of processes have
  /// ended. The last report covers everything that was counted.
  func run(publish: (Report) -> Bool) throws {
    while true {
      let ending = try loop.run(pids: []) { snapshot in
        let report = Report(
          snapshot: snapshot, pollDuration: max(0, observation.elapsed - snapshot.elapsed),
          attachedFiles: attachedFiles.sorted())
        guard publish(report) else { return false }
        if scanner.isOpen {
          addNewTargets(
            known: Set(snapshot.targets.lazy.filter { !$0.hasExited }.map(\.pid)))
        }
        return true
      }
      guard ending == .targetsGone, scanner.isOpen else { return }
    }
  }

  /// Processes come and go: one that can't be observed is left out.
  private func addNewTargets(known: Set<Int32>) {
    for pid in scanner.scan(known: known) where tried.insert(pid).inserted { try? add(pid) }
    tried = tried.filter {
      !known.contains($0) && (try? ProcessDirectory(pid: $0).identity()) != nil
    }
  }

  private func add(_ pid: Int32) throws {
    // All functions begin to count together: a block must not be seen born and not be seen freed.
    try observation.attachToNewFiles(of: pid)
    let files = try? finder.newFiles(in: ProcessDirectory(pid: pid))
    for file in files?.allocators ?? [] { attachedFiles.insert(file.name) }
    try observation.addTarget(pid: pid, isFromStart: false)
  }
}

extension ServeConfiguration {
  /// Links that are filtered by one process serve one process.
  fileprivate var hasManyTargets: Bool {
    if case .pids(let pids) = scope { pids.count > 1 } else { true }
  }
}
