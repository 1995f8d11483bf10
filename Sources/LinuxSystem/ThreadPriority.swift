import Glibc

/// Lets the calling thread run before all others for a moment, where that is permitted. sched(7)
package enum ThreadPriority {
  /// As a real-time thread of the lowest priority (SCHED_FIFO).
  package static func raise() { set(SCHED_FIFO, priority: 1) }

  package static func restore() { set(SCHED_OTHER, priority: 0) }

  /// As one that waits for little and must not wait long: with the calling thread's nice value lowered to -10.
  package static func prefer() { nice(-10) }

  /// Like any other thread.
  package static func doNotPrefer() { nice(0) }

  // The kernel takes a thread's id for one of a process. setpriority(2)
  private static func nice(_ value: Int32) {
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, value)
  }

  private static func set(_ policy: Int32, priority: Int32) {
    var parameters = sched_param(sched_priority: priority)
    pthread_setschedparam(pthread_self(), policy, &parameters)
  }
}
