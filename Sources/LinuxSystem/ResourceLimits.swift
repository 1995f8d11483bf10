import Glibc

/// What the kernel allows this process.
package enum ResourceLimits {
  /// As many open files as may be asked for: one is held for each process that is looked at.
  ///
  /// The corresponding C function is `setrlimit` with RLIMIT_NOFILE.
  package static func raiseDescriptors() {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(resource, &limit)
  }
}
