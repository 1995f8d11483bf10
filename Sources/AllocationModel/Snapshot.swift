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

/// The totals of one process.
///
/// They cover all its sites.
package struct TargetSnapshot: Hashable, Sendable {
  /// How a target is observed.
  ///
  /// The raw value is the name in reports and JSON.
  package enum Mode: String, Sendable {
    case exact
  }

  package var pid: Int32
  package var name: String
  package var mode: Mode
  package var counters: AllocationCounters
  /// Frees of blocks that a forked child inherited from its parent.
  package var inheritedFrees: UInt64
  /// Frees of blocks that were allocated before observation began.
  package var unknownFrees: UInt64
  /// Allocator calls that returned NULL.
  package var failedAllocations: UInt64
  /// Resident set size in bytes (`VmRSS`); nil when the process is gone.
  package var residentBytes: UInt64?
  /// Resident anonymous memory in bytes (`RssAnon`); nil when the process is gone.
  package var residentAnonymousBytes: UInt64?
  /// `residentAnonymousBytes` when observation began: memory no stack is known for.
  package var residentAnonymousBytesAtStart: UInt64?
  /// Seen from its first instruction, so nothing was allocated before.
  package var isFromStart: Bool
  /// The process has ended; its figures are final.
  package var hasExited: Bool
  /// It maps a file whose allocator is probed; without one nothing of it is counted.
  package var hasVisibleAllocator: Bool

  package init(
    pid: Int32,
    name: String,
    mode: Mode = .exact,
    counters: AllocationCounters,
    inheritedFrees: UInt64 = 0,
    unknownFrees: UInt64 = 0,
    failedAllocations: UInt64 = 0,
    residentBytes: UInt64? = nil,
    residentAnonymousBytes: UInt64? = nil,
    residentAnonymousBytesAtStart: UInt64? = nil,
    isFromStart: Bool = false,
    hasExited: Bool = false, hasVisibleAllocator: Bool = true
  ) {
    self.pid = pid
    self.name = name
    self.mode = mode
    self.counters = counters
    self.inheritedFrees = inheritedFrees
    self.unknownFrees = unknownFrees
    self.failedAllocations = failedAllocations
    self.residentBytes = residentBytes
    self.residentAnonymousBytes = residentAnonymousBytes
    self.residentAnonymousBytesAtStart = residentAnonymousBytesAtStart
    self.isFromStart = isFromStart
    self.hasExited = hasExited
    self.hasVisibleAllocator = hasVisibleAllocator
  }
}

/// One site of one process at an instant.
package struct SiteSnapshot: Hashable, Sendable {
  package var id: SiteID
  package var pid: Int32
  package var stack: [Frame]
  package var ending: StackEnding
  package var counters: AllocationCounters
  package var growth: GrowthRate
  /// Age of the oldest live block in seconds; nil where none is live or the age is not known.
  package var oldest: Double?
  package var assessment: Assessment

  package init(
    id: SiteID,
    pid: Int32,
    stack: [Frame],
    ending: StackEnding = .complete,
    counters: AllocationCounters,
    growth: GrowthRate = GrowthRate(),
    oldest: Double? = nil,
    assessment: Assessment
  ) {
    self.id = id
    self.pid = pid
    self.stack = stack
    self.ending = ending
    self.counters = counters
    self.growth = growth
    self.oldest = oldest
    self.assessment = assessment
  }
}
