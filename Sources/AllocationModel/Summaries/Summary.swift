/// What a period of observation came to.
package struct Summary: Hashable, Sendable {
  package var period: Period
  package var host: HostIdentity
  /// Snapshots it is made of, ≥ 0.
  package var snapshotCount: Int
  /// Processes that ran in the period, by pid.
  package var processes: [ProcessSummary]
  /// Sites that grow at its end, ranked.
  package var suspects: [SuspectSummary]
  /// Further sites that grow.
  package var omittedSuspectCount: Int
  /// Suspects of the period before that are none any more.
  package var resolved: [ResolvedSuspect]
  /// Lost in the period, and since observation began.
  package var lost: LossCounts
  package var lostSinceStart: LossCounts

  package init(
    period: Period,
    host: HostIdentity,
    snapshotCount: Int,
    processes: [ProcessSummary] = [],
    suspects: [SuspectSummary] = [],
    omittedSuspectCount: Int = 0,
    resolved: [ResolvedSuspect] = [],
    lost: LossCounts = LossCounts(),
    lostSinceStart: LossCounts = LossCounts()
  ) {
    self.period = period
    self.host = host
    self.snapshotCount = snapshotCount
    self.processes = processes
    self.suspects = suspects
    self.omittedSuspectCount = omittedSuspectCount
    self.resolved = resolved
    self.lost = lost
    self.lostSinceStart = lostSinceStart
  }

  /// The total of all processes' figures at the end of the period.
  package var totals: ProcessFigures {
    processes.filter { !$0.hasExited }.reduce(ProcessFigures()) { $0 + $1.last }
  }
}

/// Where observation took place and what observed.
package struct HostIdentity: Hashable, Sendable {
  package var name: String
  /// Release and machine of the kernel.
  package var kernel: String
  package var heaptapVersion: String

  package init(name: String, kernel: String, heaptapVersion: String) {
    self.name = name
    self.kernel = kernel
    self.heaptapVersion = heaptapVersion
  }
}

/// How much memory a process has at an instant.
package struct ProcessFigures: Hashable, Sendable {
  package var liveBytes: UInt64
  package var liveBlocks: UInt64
  /// nil where the process was gone before it was read.
  package var residentBytes: UInt64?
  package var residentAnonymousBytes: UInt64?

  package init(
    liveBytes: UInt64 = 0, liveBlocks: UInt64 = 0, residentBytes: UInt64? = nil,
    residentAnonymousBytes: UInt64? = nil
  ) {
    self.liveBytes = liveBytes
    self.liveBlocks = liveBlocks
    self.residentBytes = residentBytes
    self.residentAnonymousBytes = residentAnonymousBytes
  }

  /// What is live is not known of a process in windows, and 0 here.
  package init(_ target: TargetSnapshot) {
    let counters = target.mode == .windows ? AllocationCounters() : target.counters
    self.init(
      liveBytes: counters.liveBytes, liveBlocks: counters.liveBlocks,
      residentBytes: target.residentBytes, residentAnonymousBytes: target.residentAnonymousBytes)
  }

  /// The larger of each.
  package func peak(with other: Self) -> Self {
    merged(with: other) { Swift.max($0, $1) }
  }

  package static func + (lhs: Self, rhs: Self) -> Self { lhs.merged(with: rhs) { $0 &+ $1 } }

  private func merged(with other: Self, _ merge: (UInt64, UInt64) -> UInt64) -> Self {
    func optional(_ lhs: UInt64?, _ rhs: UInt64?) -> UInt64? {
      guard let lhs, let rhs else { return lhs ?? rhs }
      return merge(lhs, rhs)
    }
    return Self(
      liveBytes: merge(liveBytes, other.liveBytes),
      liveBlocks: merge(liveBlocks, other.liveBlocks),
      residentBytes: optional(residentBytes, other.residentBytes),
      residentAnonymousBytes: optional(residentAnonymousBytes, other.residentAnonymousBytes))
  }
}

/// One process over a period.
package struct ProcessSummary: Hashable, Sendable {
  package var pid: Int32
  package var name: String
  /// It was not there at the end of the period before.
  package var appeared: Bool
  package var hasExited: Bool
  package var hasVisibleAllocator: Bool
  package var mode: TargetSnapshot.Mode
  /// It was observed in windows, if only for a while, so that neither its live blocks nor its flow are known.
  package var isEstimated: Bool
  /// At the end of the period before, or when it was first seen.
  package var first: ProcessFigures
  package var last: ProcessFigures
  package var peak: ProcessFigures
  /// What it allocated and freed in the period.
  package var flow: AllocationCounters
  /// Change of live bytes in the period before; nil if it was not there.
  package var growthBefore: Int64?

  /// Change of live bytes in the period.
  package var growth: Int64 { Int64(clamping: last.liveBytes) - Int64(clamping: first.liveBytes) }
}

/// A site that grows at the end of a period.
package struct SuspectSummary: Hashable, Sendable {
  package var site: SiteSnapshot
  package var processName: String
  /// Live bytes when it was first suspected in this period, and most of them since.
  package var firstLiveBytes: UInt64
  package var peakLiveBytes: UInt64
  /// Its growth at the end of the period before, bytes per second; nil if it was no suspect then.
  package var growthBefore: Double?
  /// Windows gave that growth.
  package var isGrowthBeforeEstimated = false

  /// It was no suspect at the end of the period before.
  package var isNew: Bool { growthBefore == nil }
}

/// A site that grew at the end of the period before and does not now.
package struct ResolvedSuspect: Hashable, Sendable {
  package var id: SiteID
  package var pid: Int32
  package var processName: String
  /// The innermost frame that has a name.
  package var function: String?
  /// What is said of it now; nil where its process is gone.
  package var assessment: Assessment?
}

extension Verdict {
  /// Whether a site with this verdict is named to whoever is to look for leaks.
  package var isSuspicious: Bool { self == .growing || self == .unreachable }
}

extension Snapshot {
  /// The sites that are suspected, in their order, at most so many.
  package func suspects(limit: Int) -> [SiteSnapshot] {
    Array(sites.lazy.filter { $0.assessment.verdict.isSuspicious }.prefix(max(0, limit)))
  }
}
