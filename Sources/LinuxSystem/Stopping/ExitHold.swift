import CLinux
import Glibc
import Synchronization
package import SystemPackage

/// Holds a command when it is about to end, with its memory and all its threads still there, until somebody has looked.
///
/// A thread of its own traces the command (ptrace(2)) from its first instruction to its end, so that no debugger can;
/// system calls cost nothing, a signal and the start of a thread one stop each. Nothing is kept from the command, and
/// if heaptap dies, the kernel lets it go on.
package final class ExitHold<Answer: Sendable> {
  /// What came of it.
  package enum Outcome: Sendable {
    /// It stood still when it ended.
    case looked(Answer)
    /// A signal killed it: what it holds then says nothing.
    case killed
    /// It could not be traced, or did not stand still.
    case missed(StopError)
  }

  private final class Shared: Sendable {
    let outcome = Mutex<Outcome>(.missed(.vanished))
  }

  private let shared: Shared
  private let thread: OwnThread

  /// Lets a command that has just been started go on.
  ///
  /// - Parameter look: gets its threads while it stands still; runs on another thread. What it captures must be used
  ///   by nobody else from now on.
  package init(
    _ command: inout TracedCommand, _ look: @escaping (_ threads: [StoppedThread]) -> Answer
  ) throws(Errno) {
    let (pid, shared) = (command.pid, Shared())
    self.shared = shared
    command.releaseStopped()
    let hasEnded = command.ending != nil
    do throws(Errno) {
      thread = try OwnThread {
        guard !hasEnded else { return }
        let outcome = Self.follow(pid, look)
        shared.outcome.withLock { $0 = outcome }
      }
    } catch {
      kill(pid, SIGCONT)
      throw error
    }
  }

  /// What was found; once, when the command has ended.
  package func outcome() -> Outcome {
    thread.join()
    return shared.outcome.withLock { $0 }
  }

  private static func follow(
    _ pid: Int32, _ look: ([StoppedThread]) -> Answer
  ) -> Outcome {
    let options = UInt(PTRACE_O_TRACEEXIT.rawValue | PTRACE_O_TRACECLONE.rawValue)
    let isSeized = linux_ptrace_seize(pid, options) == 0
    let code = Errno.current
    kill(pid, SIGCONT)
    guard isSeized else { return .missed(code == .notPermitted ? .notPermitted : .system(code)) }
    var outcome = Outcome.missed(.vanished)
    var ending = EndingThreads(pid: pid)
    while true {
      var status: Int32 = 0
      let tid = linux_wait_own_tracee(&status, ending.isWaiting ? 0 : 1)
      guard tid >= 0 else {
        if Errno.current == .interrupted { continue }
        return outcome
      }
      if tid > 0, status == 0 {
        // The main thread is left to whoever started the command.
        if tid == pid { return outcome }
        _ = linux_wait_thread(tid, &status)
      } else if tid > 0 {
        if ending.note(status, of: tid) == .killed { outcome = .killed }
      } else {
        usleep(200)
      }
      switch ending.step(at: .now) {
      case .wait: break
      case .look(let threads):
        outcome = .looked(look(threads))
        ending.releaseAll()
      case .giveUp(let error):
        if let error { outcome = .missed(error) }
        ending.releaseAll()
      }
    }
  }
}
