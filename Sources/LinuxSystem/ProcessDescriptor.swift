import CLinux
package import SystemPackage

/// Becomes readable when a process ends, and never means another process with the same pid.
/// The corresponding C function is `pidfd_open`.
package struct ProcessDescriptor: ~Copyable {
  private let owned: OwnedDescriptor
  package var descriptor: Int32 { owned.rawValue }

  package init(pid: Int32) throws(Errno) {
    owned = try OwnedDescriptor.checking(linux_pidfd_open(pid, 0))
  }
}
