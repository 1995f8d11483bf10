import AllocationModel

/// The windows that one process was in.
struct OwnWindows {
  private var count = 0
  /// Windows that were for it and could not probe its allocators, and why the last of them could not.
  private var failedCount = 0
  private var failure: String?
  /// Why the last window that was for it has not seen it; nil: it has.
  private(set) var refusal: String?
  /// The share of time that they took, and what they cost the process, when it was last looked at while it ran.
  var use: WindowUse?

  /// All of that.
  var described: WindowUse? {
    var use = use
    use?.count = count
    use?.failedCount = failedCount
    use?.failure = failure
    return use
  }

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
}
