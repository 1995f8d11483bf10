import AllocationModel

/// The windows that one process was in.
struct OwnWindows {
  private var count = 0
  /// Windows that were for it and could not probe its allocators, and why the last of them could not.
  private var failedCount = 0
  private var failure: String?
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
  /// - Parameter failure: why it has not seen the process; nil: it has.
  mutating func note(failure: String?) {
    if let failure {
      failedCount += 1
      self.failure = failure
    } else {
      count += 1
    }
  }
}
