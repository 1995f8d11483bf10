import CLinux
import Glibc
package import SystemPackage

/// A folder to which nobody but this user can write, so that what is read from it can be believed.
package struct PrivateFolder: ~Copyable {
  package struct Entry: Hashable, Sendable {
    package var name: String
    /// Bytes on disk, ≥ 0.
    package var byteCount: Int
    /// Seconds since 1970.
    package var modified: Double
  }

  private let descriptor: OwnedDescriptor

  /// Opens a folder.
  ///
  /// - Throws: `.permissionDenied` where others own it or may write to it.
  package init(opening path: String) throws(Errno) {
    let folder = try OwnedDescriptor.checking(
      open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
    guard try folder.status().isPrivate else { throw .permissionDenied }
    descriptor = folder
  }

  /// Opens a folder, and makes it and those above it if they are missing.
  package init(creating path: String) throws(Errno) {
    var missing = ""
    for component in path.split(separator: "/") {
      missing += "/\(component)"
      // Most exist; whether the last does is seen below.
      mkdir(missing, 0o700)
    }
    try self.init(opening: path)
  }

  /// All bytes of a file in the folder.
  ///
  /// - Throws: `.permissionDenied` where others own it or may write to it, `.fileTooLarge` beyond `limit`.
  package borrowing func contents(of name: String, limit: Int) throws(Errno) -> [UInt8] {
    let file = try OwnedDescriptor.checking(
      openat(descriptor.rawValue, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC))
    let status = try file.status()
    guard status.isPrivate, status.st_mode & S_IFMT == S_IFREG else { throw .permissionDenied }
    let byteCount = Int(status.st_size)
    guard byteCount <= limit else { throw .fileTooLarge }
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
      while filled < byteCount {
        let count = read(
          file.rawValue,
          UnsafeMutableBufferPointer(rebasing: buffer[filled...]).baseAddress,
          byteCount - filled
        )
        if count < 0 {
          failure = Errno.current
          if failure == .interrupted { continue }
        }
        guard count > 0 else { return }
        failure = nil
        filled += count
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Writes a file in the folder, in place of one of that name.
  ///
  /// It has no name until it is complete, so nothing half-written is left behind, whenever this process is
  /// killed. Of two processes that write the same file one wins.
  package borrowing func write(_ bytes: RawSpan, as name: String) throws(Errno) {
    let file = try OwnedDescriptor.checking(linux_unnamed_file(descriptor.rawValue))
    try file.writeAll(bytes)
    if unlinkat(descriptor.rawValue, name, 0) != 0, Errno.current != .noSuchFileOrDirectory {
      throw Errno.current
    }
    let path = "/proc/self/fd/\(file.rawValue)"
    guard linkat(AT_FDCWD, path, descriptor.rawValue, name, AT_SYMLINK_FOLLOW) == 0 else {
      let error = Errno.current
      if error == .fileExists { return }
      throw error
    }
  }

  package borrowing func remove(_ name: String) throws(Errno) {
    guard unlinkat(descriptor.rawValue, name, 0) == 0 else { throw Errno.current }
  }

  /// The regular files in the folder, unsorted. The corresponding C function is `readdir`.
  package borrowing func entries() throws(Errno) -> [Entry] {
    // The stream has a position of its own and closes what it is given.
    let copy = openat(descriptor.rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0 else { throw Errno.current }
    guard let stream = fdopendir(copy) else {
      let error = Errno.current
      close(copy)
      throw error
    }
    defer { closedir(stream) }
    var entries: [Entry] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      var status = stat()
      guard fstatat(descriptor.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
        status.st_mode & S_IFMT == S_IFREG
      else { continue }
      let modified = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
      entries.append(Entry(name: name, byteCount: Int(status.st_size), modified: modified))
    }
    return entries
  }
}

extension OwnedDescriptor {
  fileprivate borrowing func status() throws(Errno) -> stat {
    var status = stat()
    guard fstat(rawValue, &status) == 0 else { throw Errno.current }
    return status
  }
}

extension stat {
  /// Belongs to this user, and neither group nor others may write to it.
  fileprivate var isPrivate: Bool {
    st_uid == geteuid() && st_mode & (S_IWGRP | S_IWOTH) == 0
  }
}
