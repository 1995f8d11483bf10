import CLinux
import Glibc
package import SystemPackage

/// A file descriptor with one owner, closed when the owner goes away.
package struct OwnedDescriptor: ~Copyable {
  package let rawValue: Int32

  /// Takes ownership of an open descriptor.
  package init(owning rawValue: Int32) {
    self.rawValue = rawValue
  }

  deinit {
    _ = Glibc.close(rawValue)
  }

  /// Takes ownership of what a system call returned; throws its errno if that is negative.
  package static func checking(_ result: Int32) throws(Errno) -> OwnedDescriptor {
    guard result >= 0 else { throw Errno.current }
    return OwnedDescriptor(owning: result)
  }

  /// Opens a file for reading. The corresponding C function is `open`.
  package static func reading(_ path: String) throws(Errno) -> OwnedDescriptor {
    try checking(Glibc.open(path, O_RDONLY | O_CLOEXEC))
  }

  /// Creates or truncates a file for writing, mode 0644. The corresponding C function is `open`.
  package static func creating(_ path: String) throws(Errno) -> OwnedDescriptor {
    try checking(Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644))
  }
}

extension Errno {
  /// The calling thread's `errno`.
  package static var current: Errno { Errno(rawValue: Glibc.errno) }
}
