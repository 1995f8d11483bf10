/// One process for its whole life, told apart from later users of the same pid.
package struct ProcessIdentity: Hashable, Sendable {
  /// The process id in the initial PID namespace, ≥ 1.
  package var pid: Int32
  /// Start time in clock ticks since boot (`/proc/PID/stat` field 22, proc_pid_stat(5)).
  package var startTicks: UInt64

  package init(pid: Int32, startTicks: UInt64) {
    self.pid = pid
    self.startTicks = startTicks
  }
}
