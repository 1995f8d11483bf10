import CLinux
import Glibc

/// The kernel's clocks. The corresponding C function is `clock_gettime`.
package enum SystemClock {
  /// Nanoseconds of CLOCK_MONOTONIC: the clock that BPF programs read.
  package static var monotonicNanoseconds: UInt64 { UInt64(nanoseconds(of: CLOCK_MONOTONIC)) }

  /// Nanoseconds of CPU time that the calling thread has had.
  package static var threadNanoseconds: UInt64 {
    UInt64(nanoseconds(of: CLOCK_THREAD_CPUTIME_ID))
  }

  /// Length of a tick of the kernel (jiffy): the resolution of its coarse clocks. The corresponding C function is
  /// `clock_getres`.
  package static var secondsPerTick: Double {
    var resolution = timespec()
    clock_getres(CLOCK_MONOTONIC_COARSE, &resolution)
    return Double(resolution.tv_sec) + Double(resolution.tv_nsec) / 1e9
  }

  /// Nanoseconds since 1970-01-01 UTC.
  package static var unixNanoseconds: Int64 { nanoseconds(of: CLOCK_REALTIME) }

  private static func nanoseconds(of clock: clockid_t) -> Int64 {
    var now = timespec()
    clock_gettime(clock, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
  }
}
