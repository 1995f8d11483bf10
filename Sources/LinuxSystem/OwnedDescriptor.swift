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

  /// Gives ownership away.
  package consuming func release() -> Int32 {
    let rawValue = self.rawValue
    discard self
    return rawValue
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

  /// Opens a folder to look things up in, not to read it. The corresponding C function is `open` with O_PATH.
  package static func folder(_ path: String) throws(Errno) -> OwnedDescriptor {
    try checking(linux_open_folder(path))
  }

  /// Opens a file for reading below this folder, whose `/` and `..` lead no further up. The corresponding C function
  /// is `openat2` with RESOLVE_IN_ROOT.
  package borrowing func opening(_ path: String) throws(Errno) -> OwnedDescriptor {
    try Self.checking(linux_open_below(rawValue, path))
  }

  /// Another descriptor of the same open file. The corresponding C function is `fcntl` with F_DUPFD_CLOEXEC.
  package static func duplicating(_ descriptor: Int32) throws(Errno) -> OwnedDescriptor {
    try checking(fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
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
