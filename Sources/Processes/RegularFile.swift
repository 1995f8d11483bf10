import Glibc
package import LinuxSystem

/// Names one version of one file on this machine.
package struct FileIdentity: Hashable, Sendable {
  /// `st_dev` as the kernel encodes it.
  package var device: UInt64
  package var inode: UInt64
  /// Bytes, ≥ 0.
  package var byteCount: Int
  /// Nanoseconds since 1970 of the last change of contents and of inode.
  package var modified: Int64
  package var changed: Int64

  package init(device: UInt64, inode: UInt64, byteCount: Int, modified: Int64, changed: Int64) {
    self.device = device
    self.inode = inode
    self.byteCount = byteCount
    self.modified = modified
    self.changed = changed
  }

  // Linux's 32+32 bit encoding of st_dev: gnu_dev_major(3), gnu_dev_minor(3).
  package var deviceMajor: UInt32 {
    UInt32(truncatingIfNeeded: (device >> 8) & 0xfff | (device >> 32) & ~0xfff)
  }
  package var deviceMinor: UInt32 {
    UInt32(truncatingIfNeeded: device & 0xff | (device >> 12) & ~0xff)
  }
}

/// A regular file, open for reading, closed with its owner.
///
/// It is read with `pread(2)`, never mapped: a file that shrinks meanwhile gives a short read, not SIGBUS.
package struct RegularFile: ~Copyable, Sendable {
  private let file: OwnedFile
  /// The path it was opened by, for messages.
  package let path: String
  package let identity: FileIdentity
  /// `st_uid`.
  package let owner: UInt32

  /// Opens a path.
  ///
  /// - Throws: `ProcessError`; `.notAFile` for folders, devices and FIFOs.
  package init(opening path: String) throws(ProcessError) {
    try self.init(OwnedFile(opening: path), path: path)
  }

  /// Takes over an open file; `path` is for messages.
  package init(taking descriptor: consuming OwnedDescriptor, path: String) throws(ProcessError) {
    try self.init(OwnedFile(owning: descriptor.release()), path: path)
  }

  private init(_ file: consuming OwnedFile, path: String) throws(ProcessError) {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else {
      throw ProcessError(action: "inspect \(path)", errno: errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ProcessError(action: "read \(path)", reason: .notAFile)
    }
    self.path = path
    identity = FileIdentity(status)
    owner = status.st_uid
    self.file = file
  }

  /// The descriptor, valid as long as the file is.
  package var descriptor: Int32 { file.rawValue }

  /// Reads up to `count` bytes at `offset`; fewer where the file ends, or ended when it was opened.
  package borrowing func read(at offset: UInt64, count: Int) throws(ProcessError) -> [UInt8] {
    guard let start = Int(exactly: offset), start < identity.byteCount else { return [] }
    let wanted = min(count, identity.byteCount - start)
    guard wanted > 0 else { return [] }
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
      while filled < wanted {
        let rest = UnsafeMutableBufferPointer(rebasing: buffer[filled...])
        let count = retryingInterrupts {
          pread(file.rawValue, rest.baseAddress, rest.count, off_t(start + filled))
        }
        if count < 0 { failure = errno }
        if count <= 0 { break }
        filled += count
      }
    }
    guard failure == 0 else { throw ProcessError(action: "read \(path)", errno: failure) }
    return bytes
  }
}

extension FileIdentity {
  fileprivate init(_ status: stat) {
    self.init(
      device: UInt64(status.st_dev),
      inode: UInt64(status.st_ino),
      byteCount: Int(status.st_size),
      modified: Self.nanoseconds(status.st_mtim),
      changed: Self.nanoseconds(status.st_ctim)
    )
  }

  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
