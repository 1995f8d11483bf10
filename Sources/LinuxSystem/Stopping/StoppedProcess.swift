import CLinux
import Glibc
import SystemPackage

/// A process all of whose threads are stopped, until this value goes away.
///
/// The process notices nothing: system calls that the stop interrupted are repaired, signals that were on their way
/// are delivered afterwards, and a process that was stopped already (SIGSTOP) stays so. If heaptap dies, the kernel
/// lets the threads go; their registers were repaired when they stopped. All calls must come from the thread that made
/// the value (ptrace(2)).
package struct StoppedProcess: ~Copyable {
  package let pid: Int32
  package private(set) var threads: [StoppedThread] = []

  /// Stops every thread, also those that are started meanwhile; waits for at most `patience`.
  package static func stopping(
    _ pid: Int32, patience: Duration
  ) throws(StopError) -> StoppedProcess {
    var process = StoppedProcess(pid: pid)
    try process.stopAll(until: ContinuousClock.now + patience)
    return process
  }

  private init(pid: Int32) {
    self.pid = pid
  }

  deinit {
    for thread in threads { thread.release() }
  }

  /// A stopped thread starts no other, so a pass that finds nobody new has found all.
  private mutating func stopAll(until deadline: ContinuousClock.Instant) throws(StopError) {
    var known: Set<Int32> = []
    var seized: [Int32] = []
    repeat {
      seized.removeAll()
      for tid in try Self.threadIDs(of: pid) where known.insert(tid).inserted {
        if try Self.seize(tid) { seized.append(tid) }
      }
      for tid in seized {
        if let thread = try Self.waitForStop(of: tid, until: deadline) { threads.append(thread) }
      }
    } while !seized.isEmpty
    guard !threads.isEmpty else { throw .vanished }
  }

  /// False: the thread has ended, or is the zombie of a main thread that others outlive.
  private static func seize(_ tid: Int32) throws(StopError) -> Bool {
    guard linux_ptrace_seize(tid) == 0 else {
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

  private static func threadIDs(of pid: Int32) throws(StopError) -> [Int32] {
    guard let folder = opendir("/proc/\(pid)/task") else {
      throw Errno.current == .noSuchFileOrDirectory ? .vanished : .system(.current)
    }
    defer { closedir(folder) }
    var ids: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let id = Int32(name) { ids.append(id) }
    }
    return ids
  }
}
