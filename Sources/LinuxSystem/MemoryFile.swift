import CLinux
import Glibc
package import SystemPackage

/// A file without a name whose bytes are in memory, for code that reads only files.
package struct MemoryFile: ~Copyable {
  private let descriptor: OwnedDescriptor

  /// Makes a file of these bytes. The corresponding C function is `memfd_create`.
  package init(_ bytes: RawSpan) throws(Errno) {
    let file = try OwnedDescriptor.checking(linux_memory_file("heaptap"))
    try file.writeAll(bytes)
    descriptor = file
  }

  /// A path by which this process can open the file as long as this value lives.
  package var path: String { "/proc/self/fd/\(descriptor.rawValue)" }
}

extension OwnedDescriptor {
  /// Writes all of the bytes. The corresponding C function is `write`.
  package borrowing func writeAll(_ bytes: RawSpan) throws(Errno) {
    var position = 0
    while position < bytes.byteCount {
      let written = bytes.extracting(position..<bytes.byteCount).withUnsafeBytes { rest in
        Glibc.write(rawValue, rest.baseAddress, rest.count)
      }
      if written >= 0 {
        position += written
      } else if Errno.current != .interrupted {
        throw Errno.current
      }
    }
  }
}
