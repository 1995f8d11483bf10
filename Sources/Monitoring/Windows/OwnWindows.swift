import AllocationModel

/// The windows that one process was in, and what they cost it.
struct OwnWindows {
  private var count = 0
  /// Windows that were for it and could not probe its allocators, and why the last of them could not.
  private var failedCount = 0
  private var failure: String?
  /// Why the last window that was for it has not seen it; nil: it has.
  private(set) var refusal: String?
  /// For which share of the time windows were open, and which share of its time it lost to them, when that was last
  /// looked at; nil: it never was.
  private(set) var shares: (open: Double, cost: Double)?

  /// Takes note of one.
  ///
  /// - Parameter refusal: why it has not seen the process; nil: it has.
  mutating func note(refusal: String?) {
    self.refusal = refusal
    if let refusal {
      failedCount += 1
      failure = refusal
    } else {
      count += 1
    }
  }

  /// Takes note of shares, 0 … 1.
  mutating func note(openShare: Double, costShare: Double) {
    shares = (openShare, costShare)
  }

  /// All that is told of them, with what they show.
  func use(budget: Double, _ estimate: FlowEstimate?) -> WindowUse {
    WindowUse(
      count: count, failedCount: failedCount, failure: failure, openShare: shares?.open ?? 0,
      costShare: shares?.cost ?? 0, budget: budget,
      unattributedFrees: estimate?.unattributedFrees ?? 0, netBytes: estimate?.netBytes,
      elapsed: estimate?.elapsed)
  }
}
