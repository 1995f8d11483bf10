/// Something about a process could not be read.
package struct ProcessError: Error, Hashable, Sendable {
  package enum Reason: Hashable, Sendable {
    /// The process has ended (ENOENT and ESRCH under `/proc/PID`).
    case vanished
    /// EACCES or EPERM.
    case notPermitted
    /// The path leads to another file by now, and the mapped one can't be reached.
    case replaced
    /// Not what proc(5) describes.
    case malformed
    /// More bytes than any sane process has.
    case tooLarge
    /// Not a regular file.
    case notAFile
    /// Any other `errno`.
    case system(Int32)
  }

  /// What was attempted, such as "read /proc/12/maps".
  package var action: String
  package var reason: Reason

  package init(action: String, reason: Reason) {
    self.action = action
    self.reason = reason
  }

  /// Maps what a system call under `/proc/PID` failed with.
  init(action: String, errno code: Int32) {
    self.init(action: action, reason: Reason(errno: code))
  }
}

extension ProcessError: CustomStringConvertible {
  package var description: String { "cannot \(action): \(why)" }

  private var why: String {
    switch reason {
    case .vanished: "the process has ended, or its mapping is gone"
    case .notPermitted:
      "permission denied; run as root or as the owner of the process, or grant CAP_SYS_PTRACE"
    case .replaced:
      "the file was replaced on disk since it was mapped; run as root to read it through map_files"
    case .malformed: "the contents are not what proc(5) describes"
    case .tooLarge: "it is larger than heaptap accepts"
    case .notAFile: "it is not a regular file"
    case .system(let code): systemMessage(code)
    }
  }
}
