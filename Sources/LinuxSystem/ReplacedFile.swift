import Glibc
package import SystemPackage

/// A file that is written under another name, and takes the place of one of its own name when it is complete.
///
/// Readable by its owner only. What is no regular file, such as a pipe, is written to directly.
package struct ReplacedFile: ~Copyable {
  package let path: String
  private let descriptor: OwnedDescriptor
  /// Nil for what is written to directly, and when it has its name.
  private var temporary: String?

  /// Begins a file. The corresponding C function is `open`.
  package init(at path: String) throws(Errno) {
    self.path = path
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      descriptor = try OwnedDescriptor.checking(open(path, O_WRONLY | O_CLOEXEC))
      temporary = nil
      return
    }
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let nameStart = slash.map { path.utf8.index(after: $0) } ?? path.startIndex
    guard nameStart < path.endIndex else { throw .isDirectory }
    let name = "\(path[..<nameStart]).\(path[nameStart...]).new"
    // What is there may be of somebody else, who could read what is written to it.
    unlink(name)
    descriptor = try OwnedDescriptor.checking(
      open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600))
    temporary = name
  }

  deinit {
    if let temporary { unlink(temporary) }
  }

  /// Appends bytes. The corresponding C function is `write`.
  package borrowing func write(_ bytes: RawSpan) throws(Errno) {
    try descriptor.writeAll(bytes)
  }

  /// Gives the file its name. The corresponding C function is `rename`.
  package mutating func complete() throws(Errno) {
    guard let temporary else { return }
    guard rename(temporary, path) == 0 else { throw Errno.current }
    self.temporary = nil
  }
}
