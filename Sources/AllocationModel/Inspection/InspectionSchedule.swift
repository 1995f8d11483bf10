/// Decides which process is inspected next, and when.
///
/// An inspection stops a process for some milliseconds, and a wait with a timeout that it was in begins anew. So there are
/// seconds in between, and the more the longer the pauses are. Pure: time enters as a parameter.
package struct InspectionSchedule: Sendable {
  package struct Settings: Hashable, Sendable {
    /// The share of a process's time for which it may stand still, > 0.
    package var budget = 0.02
    /// Seconds between two inspections of a process, at least.
    package var spacing = 30.0
    /// Seconds between any two, at least: analysis takes time of our own.
    package var pace = 5.0
    /// Inspections of a process that failed before it is left alone.
    package var failureLimit = 3

    package init() {}
  }

  private struct Past {
    var next: Double
    var failures = 0
  }

  private let settings: Settings
  private var pasts: [ProcessIdentity: Past] = [:]
  private var next = 0.0

  package init(_ settings: Settings = Settings()) {
    self.settings = settings
  }

  /// The process to inspect now: of those that are due, the one whose suspects grow fastest.
  ///
  /// Suspects grow, or were found to be lost.
  package func due(_ snapshot: Snapshot) -> ProcessIdentity? {
    guard snapshot.elapsed >= next else { return nil }
    var growth: [ProcessIdentity: Double] = [:]
    for site in snapshot.sites where site.assessment.verdict.isSuspicious {
      growth[site.process, default: 0] += max(1, site.growth.low)
    }
    for target in snapshot.targets where target.hasExited { growth[target.process] = nil }
    return growth.filter { process, _ in
      guard let past = pasts[process] else { return true }
      return past.failures < settings.failureLimit && past.next <= snapshot.elapsed
    }.max { ($0.value, $1.key.pid) < ($1.value, $0.key.pid) }?.key
  }

  /// An inspection was begun; there is no other until `note` or `fail`.
  package mutating func begin() { next = .infinity }

  /// The process stood still for so many seconds.
  package mutating func note(_ process: ProcessIdentity, pause: Double, at elapsed: Double) {
    pasts[process] = Past(next: elapsed + max(settings.spacing, pause / settings.budget))
    next = elapsed + settings.pace
  }

  /// It could not be inspected.
  package mutating func fail(_ process: ProcessIdentity, at elapsed: Double) {
    var past = pasts[process] ?? Past(next: 0)
    past.failures += 1
    past.next = elapsed + settings.spacing * Double(1 << past.failures)
    pasts[process] = past
    next = elapsed + settings.pace
  }

  /// Forgets processes that are gone.
  package mutating func keep(_ processes: Set<ProcessIdentity>) {
    pasts = pasts.filter { processes.contains($0.key) }
  }
}
