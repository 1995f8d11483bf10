/// Where the walk of a stack came to.
package enum StackEnding: String, Hashable, Sendable, CaseIterable {
  /// At the first frame of the thread: the stack is whole.
  case complete
  /// At an address in no known mapping of code.
  case unknownCode = "unknown_code"
  /// In code without unwind information.
  case noRule = "no_rule"
  /// In code whose unwind information has a form that is not supported.
  case unsupportedRule = "unsupported_rule"
  /// At stack memory that could not be read.
  case unreadableStack = "unreadable_stack"
  /// After as many frames as are kept.
  case tooDeep = "too_deep"
  /// At a frame that can't be one.
  case badFrame = "bad_frame"
  /// In a library that was loaded so shortly before that its unwind rules were not there yet.
  case codeChanging = "code_changing"
  /// Its frames have not come to user space yet: heaptap fell behind.
  case notReceived = "not_received"
}
