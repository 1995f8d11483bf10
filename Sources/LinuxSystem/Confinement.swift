import CLinux
import Glibc
package import SystemPackage

/// What a helper process does to itself before it touches input that nobody vouches for.
package enum Confinement {
  /// `nobody` and `nogroup` of every distribution.
  private static let nobody: uid_t = 65534

  /// Gives up all privileges and most resources for good; the process ends with its parent from now on.
  ///
  /// The corresponding C functions are `prctl`, `setresuid`, `capset` and `setrlimit`.
  package static func enter(dataByteLimit: UInt64, descriptorLimit: UInt64) throws(Errno) {
    preferForKilling()
    try check(linux_limit_data(dataByteLimit))
    try check(linux_limit_descriptors(descriptorLimit))
    try check(linux_forbid_core_dumps())
    try check(linux_drop_privileges(nobody, nobody))
    try check(linux_die_with_parent())
  }

  /// Has the kernel kill this process if what it does now takes longer; 0 lifts the limit.
  ///
  /// The corresponding C function is `setitimer`.
  package static func setDeadline(cpuSeconds: UInt32, seconds: UInt32) {
    linux_arm_deadline(cpuSeconds, seconds)
  }

  /// Makes a folder that the process can still write to after `enter`.
  package static func makeFolder(_ path: String) {
    guard mkdir(path, 0o700) == 0, geteuid() == 0 else { return }
    _ = chown(path, nobody, nobody)
  }

  /// When memory runs out, the helper goes before anything that matters (proc_pid_oom_score_adj(5)).
  private static func preferForKilling() {
    let descriptor = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = write(descriptor, "1000", 4)
    close(descriptor)
  }

  private static func check(_ result: Int32) throws(Errno) {
    guard result == 0 else { throw Errno.current }
  }
}
