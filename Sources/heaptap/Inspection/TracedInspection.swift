import AllocationModel
import AllocationProbes
import Inspection
import LinuxSystem
import Monitoring

/// An inspection of a process whose allocations are watched beforehand, every one of them.
final class TracedInspection {
  private let options: InspectionOptions
  private let pid: Int32
  private let observation: Observation
  private var origins: [UInt64: BlockOrigin] = [:]
  /// Addresses of blocks, known from tracing only, that were allocated about when it stood still, or later.
  private var unsure: Set<UInt64> = []

  /// Watches for so long, or until an interrupt.
  ///
  /// - Throws: `ObservationError`, `BPFError`, `ProcessError` if the process can't be observed, or ends meanwhile.
  init(_ options: InspectionOptions, seconds: Double) throws {
    self.options = options
    pid = options.pid ?? 0
    try TargetCheck.checkNamespace()
    let scope = try TargetScope.checking([pid])
    let signals = try SignalReader()
    observation = try Observation(.init(), scope: scope, options: .init(namedSiteCount: 0))
    try observation.begin()
    OutputStream.standardError.write(
      "heaptap: watching process \(pid) for \(Figure.duration(seconds)); an interrupt ends that\n"
    )
    let loop = WatchLoop(
      observation, WatchLoop.Schedule(interval: 1, duration: seconds, startsAtOnce: false),
      signals: signals)
    var lost: UInt64 = 0
    let ending = try loop.run(pids: [pid]) {
      lost = $0.lost.total
      return true
    }
    guard ending != .targetsGone else {
      throw ObservationError(
        .targetUnobservable,
        "cannot inspect process \(pid): it ended while its allocations were watched;"
          + " use heaptap run --fail-on-leak for a command that ends")
    }
    if lost > 0 {
      OutputStream.standardError.write(
        "heaptap: \(Figure.count(lost)) events were lost, so stacks may be missing\n")
    }
  }

  /// Inspects the process, and lets it alone from then on.
  func survey() throws -> HeapSurvey {
    let before = Set(observation.tracedBlocks(ofPid: pid))
    var newcomers: [UInt64] = []
    let survey = try options.survey {
      observation.handleEvents()
      // What was lost when it stood still is what is still recorded there now: it can't be freed any more.
      origins = observation.blockOrigins(ofPid: pid)
      let after = observation.tracedBlocks(ofPid: pid)
      observation.detach()
      newcomers = after.filter { !before.contains($0) }.map(\.address)
      return after
    }
    // Where the heap itself was read, all blocks were there.
    let unknown = survey.walk.unknownRanges
    unsure = Set(newcomers.filter { address in unknown.contains { $0.contains(address) } })
    return survey
  }

  /// What is lost, with the stacks that were seen.
  func leaks(_ losses: HeapLosses) -> HeapLeaks {
    var leaks = losses.leaks(unsure: unsure) { origins[$0] }
    observation.fillStacks(of: &leaks)
    return leaks
  }
}
