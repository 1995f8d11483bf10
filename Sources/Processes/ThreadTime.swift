import Glibc
import LinuxSystem

/// CPU time of threads of other processes.
package enum ThreadTime {
  /// Nanoseconds that a thread has run, as of the last tick or switch; nil if it is gone, or the kernel does not say.
  ///
  /// Field 1 of `/proc/TID/schedstat` (Documentation/scheduler/sched-stats.rst of the kernel).
  ///
  /// - Parameter thread: its id, as our PID namespace numbers it.
  package static func nanoseconds(of thread: Int32) -> UInt64? {
    guard let file = try? OwnedDescriptor.reading("/proc/\(thread)/schedstat") else { return nil }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { buffer in
      let count = read(file.rawValue, buffer.baseAddress, buffer.count)
      let digits = buffer.prefix(max(0, count)).prefix { $0 != UInt8(ascii: " ") }
      return UInt64(String(decoding: digits, as: UTF8.self))
    }
  }
}
