/// What one poll read from the kernel, symbolised but not yet judged: the input of
/// `SnapshotBuilder`.
package struct Reading: Hashable, Sendable {
  /// Nanoseconds since 1970-01-01 UTC.
  package var unixNanoseconds: Int64
  /// Seconds since observation began, ≥ 0, never less than in the reading before.
  package var elapsed: Double
  /// Every process in scope, observed or not; one that is missing has ended.
  package var targets: [TargetSnapshot]
  /// Heap sites.
  ///
  /// Two readings of one site in one process (two stacks that normalise alike) are summed.
  package var sites: [SiteReading]
  /// Mappings made outside the allocator.
  package var mappings: [SiteReading]
  package var lost: LossCounts

  package init(
    unixNanoseconds: Int64,
    elapsed: Double,
    targets: [TargetSnapshot] = [],
    sites: [SiteReading] = [],
    mappings: [SiteReading] = [],
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

/// The counters of one site of one process as read at one poll.
package struct SiteReading: Hashable, Sendable {
  package var id: SiteID
  package var process: ProcessIdentity
  package var stack: [Frame]
  package var ending: StackEnding
  package var counters: AllocationCounters
  /// Age of the oldest live block in seconds; nil where none is live or ages were not read.
  package var oldest: Double?
  /// Blocks that were freed by the same thread's next call.
  package var temporaryBlocks: UInt64
  /// Ages at which blocks were freed; nil where none was or ages were not read.
  package var lifetimes: Lifetimes?
  /// What the counters rest on; nil where every call was counted.
  package var estimate: SiteEstimate?

  package init(
    id: SiteID,
    process: ProcessIdentity,
    stack: [Frame],
    ending: StackEnding = .complete,
    counters: AllocationCounters,
    oldest: Double? = nil,
    temporaryBlocks: UInt64 = 0,
    lifetimes: Lifetimes? = nil,
    estimate: SiteEstimate? = nil
  ) {
    self.id = id
    self.process = process
    self.stack = stack
    self.ending = ending
    self.counters = counters
    self.oldest = oldest
    self.temporaryBlocks = temporaryBlocks
    self.lifetimes = lifetimes
    self.estimate = estimate
  }
}
