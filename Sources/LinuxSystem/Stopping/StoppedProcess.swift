import CLinux
import Glibc
import SystemPackage

/// A process all of whose threads are stopped, until this value goes away.
///
/// The process notices nothing: system calls that the stop interrupted are repaired, signals that were on their way
/// are delivered afterwards, and a process that was stopped already (SIGSTOP) stays so. If heaptap dies, the kernel
/// lets the threads go; their registers were repaired when they stopped.
package struct StoppedProcess: ~Copyable {
  package let pid: Int32
  package internal(set) var threads: [StoppedThread] = []
  /// Asked to stop, and not known to have done so.
  private var unsettled: Set<Int32> = []

  /// Stops every thread, also those that are started meanwhile, and lets them go when `body` returns; waits for at most
  /// `patience` until all stand still.
  ///
  /// `body` runs on a thread of its own that ends before this returns: ptrace(2) is a matter of one thread, and its end
  /// makes the kernel release even a tracee that did not stop in time, which PTRACE_DETACH can't.
  package static func whileStopped<Result, Failure: Error>(
    _ pid: Int32, patience: Duration,
    _ body: (borrowing StoppedProcess) throws(Failure) -> Result
  ) throws(StopError) -> Swift.Result<Result, Failure> {
    var outcome: Swift.Result<Swift.Result<Result, Failure>, StopError>?
    do throws(Errno) {
      try OwnThread.run {
        outcome = Swift.Result { () throws(StopError) in
          var process = StoppedProcess(pid: pid)
          try process.stopAll(until: ContinuousClock.now + patience)
          return Swift.Result { () throws(Failure) in try body(process) }
        }
      }
    } catch {
      throw .system(error)
    }
    guard let outcome else { preconditionFailure("the thread ran") }
    return try outcome.get()
  }

  init(pid: Int32) {
    self.pid = pid
  }

  deinit {
    for thread in threads { thread.release() }
    for tid in unsettled { Self.abandon(tid) }
  }

  /// Lets a thread go that stopped after its time.
  private static func abandon(_ tid: Int32) {
    guard let thread = try? waitForStop(of: tid, until: .now) else { return }
    thread.release()
  }

  /// A stopped thread starts no other, so a pass that finds nobody new has found all.
  mutating func stopAll(until deadline: ContinuousClock.Instant) throws(StopError) {
    var known: Set<Int32> = []
    var seized: [Int32] = []
    repeat {
      seized.removeAll()
      for tid in try Self.threadIDs(of: pid) where known.insert(tid).inserted {
        if try Self.seize(tid) {
          seized.append(tid)
          unsettled.insert(tid)
        }
      }
      for tid in seized {
        if let thread = try Self.waitForStop(of: tid, until: deadline) { threads.append(thread) }
        unsettled.remove(tid)
      }
    } while !seized.isEmpty
    guard !threads.isEmpty else { throw .vanished }
  }

  /// False: the thread has ended, or is the zombie of a main thread that others outlive.
  private static func seize(_ tid: Int32) throws(StopError) -> Bool {
    guard linux_ptrace_seize(tid, 0) == 0 else {
      let code = Errno.current
      if code == .noSuchProcess { return false }
      let status = ThreadStatus.fields(of: tid)
      guard let state = status["State"]?.first, state != "Z", state != "X" else { return false }
      if let tracer = status["TracerPid"].flatMap({ Int32($0) }), tracer != 0 {
        throw .tracedBy(pid: tracer)
      }
      throw code == .notPermitted ? .notPermitted : .system(code)
    }
    _ = linux_ptrace_interrupt(tid)
    return true
  }

  /// Nil: it ended before it stopped.
  private static func waitForStop(
    of tid: Int32, until deadline: ContinuousClock.Instant
  ) throws(StopError) -> StoppedThread? {
    var status: Int32 = 0
    var rounds = 0
    while true {
      let waited = linux_wait_thread(tid, &status)
      if waited == tid {
        guard linux_stopped(status) != 0 else { return nil }
        let isSignal = linux_stop_event(status) == 0
        return StoppedThread(tid: tid, heldSignal: isSignal ? linux_stop_signal(status) : 0)
      }
      if waited < 0, Errno.current != .interrupted { return nil }
      guard ContinuousClock.now < deadline else { throw .unstoppable(thread: tid) }
      rounds += 1
      if rounds > 64 { usleep(50) }
    }
  }

  static func threadIDs(of pid: Int32) throws(StopError) -> [Int32] {
    do throws(Errno) {
      return try numericEntries(of: "/proc/\(pid)/task")
    } catch {
      throw error == .noSuchFileOrDirectory ? .vanished : .system(error)
    }
  }
}
