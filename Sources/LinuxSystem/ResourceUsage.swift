import Glibc

/// What this process has taken of the machine.
package struct ResourceUsage: Hashable, Sendable {
  package var residentBytes: UInt64
  /// User and system time, of ended helper processes too.
  package var cpuSeconds: Double

  /// The corresponding C function is `getrusage`; resident memory is field 2 of `/proc/self/statm`.
  package static var current: ResourceUsage {
    var seconds = 0.0
    for who in [RUSAGE_SELF, RUSAGE_CHILDREN].map(\.rawValue) {
      var usage = rusage()
      guard getrusage(who, &usage) == 0 else { continue }
      for time in [usage.ru_utime, usage.ru_stime] {
        seconds += Double(time.tv_sec) + Double(time.tv_usec) / 1e6
      }
    }
    var pages: UInt64 = 0
    if let file = try? OwnedDescriptor.reading("/proc/self/statm") {
      var text = [UInt8](repeating: 0, count: 128)
      let count = read(file.rawValue, &text, text.count)
      let fields = String(decoding: text.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
      pages = fields.count > 1 ? UInt64(fields[1]) ?? 0 : 0
    }
    return ResourceUsage(
      residentBytes: pages * UInt64(sysconf(Int32(_SC_PAGESIZE))), cpuSeconds: seconds)
  }
}
