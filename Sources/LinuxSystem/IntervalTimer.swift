import CLinux
import Glibc
package import SystemPackage

/// Becomes readable each time an interval has passed. The corresponding C function is `timerfd_create`.
package struct IntervalTimer: ~Copyable {
  private let owned: OwnedDescriptor
  package var descriptor: Int32 { owned.rawValue }

  /// Starts at once; the first expiry is one interval away.
  ///
  /// - Parameter seconds: > 0; less than a millisecond is taken as one.
  package init(seconds: Double) throws(Errno) {
    let timer = try OwnedDescriptor.checking(
      timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK)))
    let nanoseconds = Int(max(seconds, 0.001) * 1e9)
    let period = timespec(
      tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    var setting = itimerspec(it_interval: period, it_value: period)
    guard timerfd_settime(timer.rawValue, 0, &setting, nil) == 0 else { throw Errno.current }
    owned = timer
  }

  /// How many intervals have passed since the last call.
  package func consume() -> UInt64 {
    var count: UInt64 = 0
    return read(owned.rawValue, &count, 8) == 8 ? count : 0
  }
}
