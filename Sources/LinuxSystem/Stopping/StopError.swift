package import SystemPackage

/// A process could not be stopped, or its memory not be read.
package enum StopError: Error, Hashable, Sendable {
  /// It has ended, or ended meanwhile.
  case vanished
  /// Yama, another user, or a missing capability: EPERM.
  case notPermitted
  /// A debugger or strace holds it; a thread has one tracer at most (ptrace(2)).
  case tracedBy(pid: Int32)
  /// A thread did not stop in time, as one that waits for a disk or for its vfork child.
  case unstoppable(thread: Int32)
  case system(Errno)
}

extension StopError: CustomStringConvertible {
  /// Why, without what was attempted.
  package var description: String {
    switch self {
    case .vanished: "it has ended"
    case .notPermitted:
      "permission denied; run as root, or grant CAP_SYS_PTRACE"
    case .tracedBy(let pid):
      "process \(pid) traces it already, as a debugger does; detach that one first"
    case .unstoppable(let thread):
      "thread \(thread) does not stop, as it waits in the kernel for a disk or for a child; try again later"
    case .system(let code): code.description.lowercased()
    }
  }
}
