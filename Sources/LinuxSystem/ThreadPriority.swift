import Glibc

/// Lets the calling thread run before all others for a moment, where that is permitted. sched(7)
package enum ThreadPriority {
  /// As a real-time thread of the lowest priority (SCHED_FIFO).
  package static func raise() { set(SCHED_FIFO, priority: 1) }

  package static func restore() { set(SCHED_OTHER, priority: 0) }

  private static func set(_ policy: Int32, priority: Int32) {
    var parameters = sched_param(sched_priority: priority)
    pthread_setschedparam(pthread_self(), policy, &parameters)
  }
}
