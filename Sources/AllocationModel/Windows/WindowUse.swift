/// How a process is observed in windows, and what that costs it.
package struct WindowUse: Hashable, Sendable {
  /// Windows that have seen it, so far.
  package var count: Int
  /// Windows that could not probe all its allocators, and why the last of them could not.
  package var failedCount: Int
  package var failure: String?
  /// The share of time for which windows were open, 0 … 1.
  package var openShare: Double
  /// The share of its time that the process lost by our estimate, an upper bound, 0 … 1.
  package var costShare: Double
  /// The share that it may lose, > 0.
  package var budget: Double
  /// Recorded frees that were attributed to no site.
  package var unattributedFrees: Double
  /// Requested bytes by which the heap grew in the time that windows stand for, and that time in seconds; nil: not known
  /// yet.
  package var netBytes: SiteFlow.Bounds?
  package var elapsed: Double?

  package init(
    count: Int, failedCount: Int = 0, failure: String? = nil, openShare: Double,
    costShare: Double, budget: Double,
    unattributedFrees: Double = 0, netBytes: SiteFlow.Bounds? = nil, elapsed: Double? = nil
  ) {
    self.count = count
    self.failedCount = failedCount
    self.failure = failure
    self.openShare = openShare
    self.costShare = costShare
    self.budget = budget
    self.unattributedFrees = unattributedFrees
    self.netBytes = netBytes
    self.elapsed = elapsed
  }
}
