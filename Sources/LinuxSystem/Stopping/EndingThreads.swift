import CLinux
import Glibc

/// The threads of a traced process, from their start to their stop right before their end (PTRACE_EVENT_EXIT), where
/// registers and memory are still there.
///
/// When one thread calls exit_group(2), the kernel brings all others to that stop, too. A thread that ends alone is let
/// go at once. exec(2) in a process with threads ends the others as well, and waits for them: no thread is held for long
/// before one has been seen to end the whole process.
struct EndingThreads {
  enum Step {
    case wait
    /// All threads stand still.
    case look([StoppedThread])
    /// No error: it was not the end of the process.
    case giveUp(StopError?)
  }

  enum Note {
    case goesOn, isHeld
    /// A signal has killed the process.
    case killed
  }

  private let pid: Int32
  private var known: Set<Int32> = []
  private var held: [Int32: StoppedThread] = [:]
  /// Let go at their end, if perhaps still listed.
  private var leaving: Set<Int32> = []
  private var heldSince = ContinuousClock.now
  /// One of those that are held has ended the process.
  private var isProcessEnding = false

  /// How long threads may take to come to their end after the first, and before it is known what ends them.
  private static let patience: Duration = .seconds(5)
  private static let doubtfulPatience: Duration = .milliseconds(100)
  /// Numbers of system calls on x86-64.
  private static let exitCall: UInt64 = 60
  private static let exitGroupCall: UInt64 = 231

  init(pid: Int32) {
    self.pid = pid
  }

  /// Threads are held, and others have to come.
  var isWaiting: Bool { !held.isEmpty }

  /// Takes over a stop, whatever it is for; the thread goes on unless it is at its end.
  mutating func note(_ status: Int32, of tid: Int32) -> Note {
    let signal = linux_stop_signal(status)
    switch linux_stop_event(status) {
    case Int32(bitPattern: PTRACE_EVENT_EXIT.rawValue): return noteEnd(of: tid)
    case Int32(bitPattern: PTRACE_EVENT_STOP.rawValue):
      leaving.remove(tid)
      if known.insert(tid).inserted, !isThread(tid) {
        // A process that clone(2) has made with other arguments than fork(2).
        known.remove(tid)
        _ = linux_ptrace_detach(tid, 0)
      } else if signal == SIGTRAP {
        _ = linux_ptrace_resume(tid, 0)
      } else {
        _ = linux_ptrace_listen(tid)
      }
    case 0: _ = linux_ptrace_resume(tid, signal)
    default: _ = linux_ptrace_resume(tid, 0)
    }
    return .goesOn
  }

  private mutating func noteEnd(of tid: Int32) -> Note {
    // As wait(2) has it: the signal in the low seven bits.
    let wasKilled = linux_ptrace_event_message(tid) & 0x7f != 0
    guard !wasKilled, let thread = StoppedThread(tid: tid, heldSignal: 0) else {
      letGo(tid)
      return wasKilled ? .killed : .goesOn
    }
    let call = thread.registers["orig_rax"]
    if call == Self.exitCall, !othersRun(than: tid).isEmpty {
      letGo(tid)
      return .goesOn
    }
    if held.isEmpty { heldSince = .now }
    held[tid] = thread
    if call == Self.exitGroupCall || call == Self.exitCall { isProcessEnding = true }
    return .isHeld
  }

  /// What to do now.
  func step(at now: ContinuousClock.Instant) -> Step {
    guard let first = held.keys.first else { return .wait }
    let others = othersRun(than: first)
    if others.isEmpty, isProcessEnding {
      return .look(held.values.sorted { $0.tid < $1.tid })
    }
    let limit = isProcessEnding ? Self.patience : Self.doubtfulPatience
    guard now >= heldSince + limit else { return .wait }
    return .giveUp(isProcessEnding ? .unstoppable(thread: others.min() ?? first) : nil)
  }

  mutating func releaseAll() {
    for tid in held.keys { letGo(tid) }
    held = [:]
    isProcessEnding = false
  }

  private mutating func letGo(_ tid: Int32) {
    leaving.insert(tid)
    known.remove(tid)
    _ = linux_ptrace_detach(tid, 0)
  }

  /// Threads that are neither held nor at their end.
  private func othersRun(than tid: Int32) -> [Int32] {
    guard let threads = try? StoppedProcess.threadIDs(of: pid) else { return [] }
    return threads.filter { other in
      guard other != tid, held[other] == nil, !leaving.contains(other) else { return false }
      let state = ThreadStatus.fields(of: other)["State"]?.first
      return state != nil && state != "Z" && state != "X"
    }
  }

  private func isThread(_ tid: Int32) -> Bool { access("/proc/\(pid)/task/\(tid)", F_OK) == 0 }
}
