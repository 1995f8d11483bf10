/// What is known of all targets at one instant.
///
/// Everything people see is made from snapshots.
package struct Snapshot: Hashable, Sendable {
  /// Nanoseconds since 1970-01-01 UTC.
  package var unixNanoseconds: Int64
  /// Seconds since observation began, ≥ 0.
  package var elapsed: Double
  package var targets: [TargetSnapshot]
  /// All heap sites of all targets, ranked, unless `limited(to:)` cut the list.
  package var sites: [SiteSnapshot]
  /// How many sites `limited(to:)` left out.
  package var omittedSiteCount = 0
  /// All mappings made outside the allocator (mmap, sbrk …), by the stack that made them.
  package var mappings: [SiteSnapshot]
  package var lost: LossCounts

  package init(
    unixNanoseconds: Int64,
    elapsed: Double,
    targets: [TargetSnapshot] = [],
    sites: [SiteSnapshot] = [],
    mappings: [SiteSnapshot] = [],
    lost: LossCounts = LossCounts()
  ) {
    self.unixNanoseconds = unixNanoseconds
    self.elapsed = elapsed
    self.targets = targets
    self.sites = sites
    self.mappings = mappings
    self.lost = lost
  }
}

/// One site of one process at an instant.
package struct SiteSnapshot: Hashable, Sendable {
  package var id: SiteID
  package var pid: Int32
  /// With the pid, the identity of the process; 0 where it is not known.
  package var startTicks: UInt64
  package var stack: [Frame]
  package var ending: StackEnding
  package var counters: AllocationCounters
  /// The most live bytes that any reading saw.
  package var peakBytes: UInt64
  /// Blocks that were freed by the same thread's next call.
  package var temporaryBlocks: UInt64
  /// Ages at which blocks were freed; nil where none was or ages were not read.
  package var lifetimes: Lifetimes?
  package var growth: GrowthRate
  /// Age of the oldest live block in seconds; nil where none is live or the age is not known.
  package var oldest: Double?
  /// What the counters and the growth rest on; nil where every call was counted.
  package var estimate: SiteEstimate?
  package var assessment: Assessment
  /// What the last inspection of the process found; nil before there is one.
  package var inspection: SiteInspection?

  package init(
    id: SiteID,
    pid: Int32,
    startTicks: UInt64 = 0,
    stack: [Frame],
    ending: StackEnding = .complete,
    counters: AllocationCounters,
    peakBytes: UInt64 = 0,
    temporaryBlocks: UInt64 = 0,
    lifetimes: Lifetimes? = nil,
    growth: GrowthRate = GrowthRate(),
    oldest: Double? = nil,
    estimate: SiteEstimate? = nil,
    assessment: Assessment
  ) {
    self.id = id
    self.pid = pid
    self.startTicks = startTicks
    self.stack = stack
    self.ending = ending
    self.counters = counters
    self.peakBytes = peakBytes
    self.temporaryBlocks = temporaryBlocks
    self.lifetimes = lifetimes
    self.growth = growth
    self.oldest = oldest
    self.estimate = estimate
    self.assessment = assessment
  }

  package var process: ProcessIdentity { ProcessIdentity(pid: pid, startTicks: startTicks) }
}
