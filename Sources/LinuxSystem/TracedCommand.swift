import CLinux
import Glibc
package import SystemPackage

/// A command that was started for observation and is still stopped at its first instruction.
///
/// It is traced only until `release`, so that probes can be placed before code that allocates has run; from
/// then on nobody traces it, or an `ExitHold` does. All calls must come from the thread that made it (ptrace(2)).
package struct TracedCommand: ~Copyable {
  package let pid: Int32
  private var isTraced = true
  /// How it ended, if it did while it was traced; nobody can wait for it any more then.
  package private(set) var ending: Ending?

  /// How a command ended.
  package enum Ending: Equatable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)

    /// From what wait(2) returns for a process that is gone.
    init(waitStatus status: Int32) {
      self =
        linux_exited(status) != 0
        ? .exited(linux_exit_status(status)) : .killed(signal: linux_termination_signal(status))
    }

    /// What a shell would report: the exit status, or 128 + the signal.
    package var shellStatus: Int32 {
      switch self {
      case .exited(let status): status
      case .killed(let signal): 128 + signal
      }
    }
  }

  /// Starts `arguments[0]`, looked up in PATH, and stops it after `execve`.
  package init(_ arguments: [String]) throws(Errno) {
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    let path = pointers[0].map { UnsafePointer($0) }
    guard let path else { throw Errno.invalidArgument }
    let child = linux_spawn_traced(path, pointers)
    guard child > 0 else { throw Errno.current }
    pid = child
    // Should heaptap die while it holds the command, the command must not stay stopped for ever.
    _ = linux_ptrace_options(
      child, UInt(PTRACE_O_TRACESYSGOOD.rawValue | PTRACE_O_EXITKILL.rawValue))
  }

  /// Lets the command run to its next entry into or return from a system call.
  ///
  /// Signals on the way are delivered. Nil: it has ended, see `ending`.
  package mutating func runToNextSystemCall() -> UInt64? {
    var signal: Int32 = 0
    while linux_ptrace_resume_to_syscall(pid, signal) == 0 {
      var status: Int32 = 0
      var waited = waitpid(pid, &status, 0)
      while waited < 0, errno == EINTR { waited = waitpid(pid, &status, 0) }
      guard waited == pid else { return nil }
      guard linux_stopped(status) != 0 else {
        isTraced = false
        ending = Ending(waitStatus: status)
        return nil
      }
      let stop = linux_stop_signal(status)
      if stop == SIGTRAP | 0x80 { return linux_ptrace_instruction_pointer(pid) }
      signal = stop == SIGTRAP ? 0 : stop
    }
    return nil
  }

  /// Where the stopped command will go on.
  package var instructionPointer: UInt64 { linux_ptrace_instruction_pointer(pid) }

  /// Ends the command and forgets it.
  package mutating func kill() {
    guard ending == nil else { return }
    isTraced = false
    _ = Glibc.kill(pid, SIGKILL)
    var status: Int32 = 0
    _ = waitpid(pid, &status, 0)
  }

  /// Ends the tracing; the command runs on by itself.
  package mutating func release() {
    guard isTraced else { return }
    isTraced = false
    _ = linux_ptrace_detach(pid, 0)
  }

  /// Ends the tracing and leaves the command stopped, as by SIGSTOP, until it gets SIGCONT; see `ending` if it has ended
  /// instead.
  mutating func releaseStopped() {
    guard isTraced else { return }
    isTraced = false
    _ = linux_ptrace_detach(pid, SIGSTOP)
    var status: Int32 = 0
    while waitpid(pid, &status, WUNTRACED) < 0, errno == EINTR {}
    if linux_stopped(status) == 0 { ending = Ending(waitStatus: status) }
  }

  /// Waits until a child of this process has ended.
  package static func waitForEnding(of pid: Int32) -> Ending {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      precondition(errno == EINTR, "the command was waited for twice")
    }
    return Ending(waitStatus: status)
  }
}
