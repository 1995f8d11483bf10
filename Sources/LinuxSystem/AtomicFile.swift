import CLinux
import Glibc
package import SystemPackage

/// Writes files that are there as a whole or not at all, whatever ends the writer or the machine.
package enum AtomicFile {
  /// Writes a file in a folder, mode 0644, in place of one of that name. The corresponding C functions are `fsync` and
  /// `rename`.
  package static func write(_ text: String, to name: String, in folder: String) throws(Errno) {
    // One name for each, so that what a killed writer has left is replaced the next time.
    let temporary = "\(folder)/.\(name).new"
    do throws(Errno) {
      let file = try OwnedDescriptor.checking(
        open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644))
      let bytes = Array(text.utf8)
      try file.writeAll(bytes.span.bytes)
      guard fsync(file.rawValue) == 0 else { throw Errno.current }
      guard rename(temporary, "\(folder)/\(name)") == 0 else { throw Errno.current }
    } catch {
      unlink(temporary)
      throw error
    }
    // The name is on the disk only when the folder is.
    let directory = try OwnedDescriptor.checking(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    guard fsync(directory.rawValue) == 0 else { throw Errno.current }
  }

  /// Makes a folder and those above it, mode 0755, where they are missing.
  package static func makeFolder(_ path: String) throws(Errno) {
    var made = ""
    for component in path.split(separator: "/") {
      made += "/\(component)"
      guard mkdir(made, 0o755) == 0 || Errno.current == .fileExists else { throw Errno.current }
    }
    // A file of that name is no folder.
    let folder = try OwnedDescriptor.checking(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    _ = folder.rawValue
  }
}
