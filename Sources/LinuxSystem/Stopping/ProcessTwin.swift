import CLinux
import Glibc
import SystemPackage

/// Where a process has the instructions that make a twin of it: anywhere among its code, the first with `ret` behind.
package struct TwinInstructions: Hashable, Sendable {
  /// Address of `syscall; ret`.
  package var call: UInt64
  /// Address of `mov $15, %eax; syscall`, with which a signal handler ends (rt_sigreturn(2)).
  package var restore: UInt64

  package init(call: UInt64, restore: UInt64) {
    self.call = call
    self.restore = restore
  }
}

/// A copy of a process that the kernel has made, which shares all its pages until one of both writes to them. It stands
/// still and never runs; it is gone with this value, or with heaptap.
///
/// One thread of the stopped process calls clone(2) for a helper that shares its memory, and waits for it; the helper
/// calls clone(2) for the twin, and ends, so that the twin becomes a child of init, which waits for it when it ends. No
/// signal tells the process, no handler of pthread_atfork(3) runs, and its descriptors are shared rather than kept open.
/// Nothing is written to its code: each step ends in a frame below the stack pointer, as a signal's does, which
/// sigreturn(2) takes the next one from. The last is the thread as it was. So whoever is let go on the way, by
/// heaptap's death too, comes to the right end by itself.
package struct ProcessTwin: ~Copyable {
  package let pid: Int32

  fileprivate init(pid: Int32) {
    self.pid = pid
  }

  deinit {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    // Only a tracer waits for it here; init does, too.
    while true {
      let waited = linux_wait_thread(pid, &status)
      if waited < 0, Errno.current != .interrupted { return }
      if waited == pid, linux_stopped(status) == 0 { return }
      usleep(100)
    }
  }
}

extension StoppedProcess {
  /// Why a process has no twin.
  package enum TwinError: Error, Hashable, Sendable {
    /// None of its threads can make one: no room on the stack, or registers that can't be put back.
    case noThread
    /// The kernel made none, as beyond a limit of processes or of memory.
    case refused
    /// The instructions are not where they were said to be, or the thread was not scheduled in time.
    case late
  }

  /// Stops a process, makes a twin of it, and lets it go before `body` looks at that.
  ///
  /// - Parameters:
  ///   - patience: for all threads to stand still, and for the twin each.
  ///   - look: at the stopped process, before.
  ///   - body: gets the twin, which ends with this call.
  package static func withTwin<Seen, Result, Failure: Error>(
    of pid: Int32, _ instructions: TwinInstructions, patience: Duration,
    look: (borrowing StoppedProcess) throws(Failure) -> Seen,
    _ body: (Seen, borrowing ProcessTwin) throws(Failure) -> Result
  ) throws(StopError) -> Swift.Result<Swift.Result<Result, Failure>, TwinError> {
    typealias Outcome = Swift.Result<Swift.Result<Result, Failure>, TwinError>
    var outcome: Swift.Result<Outcome, StopError>?
    do throws(Errno) {
      try OwnThread.run {
        outcome = Swift.Result { () throws(StopError) in
          var process = StoppedProcess(pid: pid)
          try process.stopAll(until: ContinuousClock.now + patience)
          let seen: Seen
          do throws(Failure) {
            seen = try look(process)
          } catch {
            return .success(.failure(error))
          }
          let twin: Int32
          do throws(TwinError) {
            twin = try process.releaseWithTwin(
              instructions, until: ContinuousClock.now + patience)
          } catch {
            return .failure(error)
          }
          let made = ProcessTwin(pid: twin)
          return .success(Swift.Result { () throws(Failure) in try body(seen, made) })
        }
      }
    } catch {
      throw .system(error)
    }
    guard let outcome else { preconditionFailure("the thread ran") }
    return try outcome.get()
  }

  /// Makes the twin, and lets all threads go.
  private mutating func releaseWithTwin(
    _ instructions: TwinInstructions, until deadline: ContinuousClock.Instant
  ) throws(TwinError) -> Int32 {
    var steps = linux_twin_steps()
    var code = linux_twin_code(call: instructions.call, restore: instructions.restore)
    // Those in a wait with a timeout come last, since it begins anew.
    let ordered = threads.filter { $0.canRun }.sorted {
      ($0.isInTimedWait ? 1 : 0, $0.tid) < ($1.isInTimedWait ? 1 : 0, $1.tid)
    }
    guard
      let thread = ordered.first(where: { thread in
        linux_twin_steps(thread.tid, &code, &steps) == 0 && linux_write_twin_steps(pid, &steps) == 0
      })
    else { throw .noThread }
    let options = PTRACE_O_TRACECLONE.rawValue | PTRACE_O_TRACESYSGOOD.rawValue
    guard linux_ptrace_options(thread.tid, UInt(options)) == 0,
      linux_ptrace_set_registers(thread.tid, &steps.entry) == 0,
      linux_ptrace_resume_to_syscall(thread.tid, 0) == 0
    else { throw .noThread }
    var birth = TwinBirth(thread: thread.tid)
    let twin = birth.follow(until: deadline)
    // From here on all but that thread run; it does when the helper has ended.
    for other in threads where other.tid != thread.tid { other.release() }
    threads = []
    let isDone = birth.finish(until: deadline)
    guard let twin else { throw isDone ? .refused : .late }
    return twin
  }
}

/// Follows a thread through clone(2), and what comes of it.
private struct TwinBirth {
  let thread: Int32
  private var helper: Int32?
  /// The kernel has made it, and it may not have run yet.
  private var isTwinBorn = false
  /// Stands still.
  private var twin: Int32?
  private var hasHelperEnded = false
  private var hasThreadFailed = false
  /// The thread has come back from clone(2).
  private var hasReturned = false

  init(thread: Int32) {
    self.thread = thread
  }

  /// Returns the twin once it stands still; nil: there is none.
  mutating func follow(until deadline: ContinuousClock.Instant) -> Int32? {
    while isTwinBorn || !hasHelperEnded && !hasThreadFailed {
      guard next(until: deadline) else { return nil }
      if let twin { return twin }
    }
    return nil
  }

  /// Lets the thread go as soon as it is what it was. False: it is not by the deadline, and was let go all the same.
  mutating func finish(until deadline: ContinuousClock.Instant) -> Bool {
    var isInTime = true
    while helper != nil, !hasHelperEnded, isInTime { isInTime = next(until: deadline) }
    linux_ptrace_interrupt(thread)
    var status: Int32 = 0
    while linux_wait_thread(thread, &status) == 0 {
      guard ContinuousClock.now < deadline + .seconds(1) else { return false }
      usleep(20)
    }
    guard linux_stopped(status) != 0 else { return false }
    let isSignal = linux_stop_event(status) == 0 && linux_stop_signal(status) & 0x80 == 0
    StoppedThread(tid: thread, heldSignal: isSignal ? linux_stop_signal(status) : 0)?.release()
    return isInTime
  }

  /// Handles one stop. False: none came in time.
  private mutating func next(until deadline: ContinuousClock.Instant) -> Bool {
    var status: Int32 = 0
    var rounds = 0
    while true {
      let tid = linux_wait_own_tracee(&status, 0)
      if tid > 0 {
        handle(tid, status)
        return true
      }
      guard ContinuousClock.now < deadline else { return false }
      rounds += 1
      if rounds > 64 { usleep(20) }
    }
  }

  private mutating func handle(_ tid: Int32, _ status: Int32) {
    if status == 0 {
      var ending: Int32 = 0
      _ = linux_wait_thread(tid, &ending)
      if tid == helper { hasHelperEnded = true }
      if tid == thread { hasThreadFailed = true }
      return
    }
    let (event, signal) = (linux_stop_event(status), linux_stop_signal(status))
    if tid == thread {
      handleThread(event, signal)
    } else if helper == nil || tid == helper {
      helper = tid
      if event == Int32(bitPattern: PTRACE_EVENT_CLONE.rawValue) { isTwinBorn = true }
      _ = linux_ptrace_resume(tid, event == 0 ? signal : 0)
    } else {
      twin = tid
      _ = linux_ptrace_options(tid, UInt(PTRACE_O_EXITKILL.rawValue))
    }
  }

  private mutating func handleThread(_ event: Int32, _ signal: Int32) {
    guard event == 0 else {
      resumeThread(0)
      return
    }
    guard signal == SIGTRAP | 0x80 else {
      resumeThread(signal)
      return
    }
    var registers = user_regs_struct()
    guard linux_ptrace_registers(thread, &registers) == 0 else {
      resumeThread(0)
      return
    }
    switch Int64(bitPattern: UInt64(registers.rax)) {
    // Before the call; or it begins anew, as one that a signal was in the way of (ERESTART… of <linux/errno.h>).
    case -Int64(ENOSYS), -516 ... -512: break
    case let result:
      hasReturned = true
      hasThreadFailed = result < 0
    }
    resumeThread(0)
  }

  private func resumeThread(_ signal: Int32) {
    _ =
      hasReturned
      ? linux_ptrace_resume(thread, signal) : linux_ptrace_resume_to_syscall(thread, signal)
  }
}
