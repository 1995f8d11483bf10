import Glibc
package import SystemPackage

/// Reads files that people write.
package enum WholeFile {
  /// The bytes of a file, at most `limit` of them. The corresponding C function is `read`.
  package static func contents(of path: String, limit: Int) throws(Errno) -> [UInt8] {
    let file = try OwnedDescriptor.checking(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC))
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit {
      let count = read(file.rawValue, &buffer, min(buffer.count, limit - bytes.count))
      if count < 0, Errno.current == .interrupted { continue }
      guard count >= 0 else { throw Errno.current }
      guard count > 0 else { break }
      bytes += buffer.prefix(count)
    }
    return bytes
  }
}
