import AllocationModel

/// The windows that one process was in.
struct OwnWindows {
  private(set) var count = 0
  /// Windows that were for it and could not probe its allocators, and why the last of them could not.
  private(set) var failedCount = 0
  private(set) var failure: String?
  /// What was last said of them while it ran.
  var use: WindowUse?

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
