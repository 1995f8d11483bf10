import Glibc

/// `/proc/PID/pagemap`: eight bytes for each page of the address space (Documentation/admin-guide/mm/pagemap.rst).
package struct PageMapFile: ~Copyable {
  private let file: OwnedFile
  private let path: String

  package init(pid: Int32) throws(ProcessError) {
    path = "/proc/\(pid)/pagemap"
    file = try OwnedFile(opening: path)
  }

  /// The entries of up to `count` pages from page number `page` on; fewer where the address space ends.
  package borrowing func entries(from page: UInt64, count: Int) throws(ProcessError) -> [UInt64] {
    var failure: Int32 = 0
    let entries = [UInt64](unsafeUninitializedCapacity: count) { buffer, filled in
      let read = retryingInterrupts {
        pread(file.rawValue, buffer.baseAddress, buffer.count * 8, off_t(page * 8))
      }
      if read < 0 { failure = errno }
      filled = max(0, read) / 8
    }
    guard failure == 0 else { throw ProcessError(action: "read \(path)", errno: failure) }
    return entries
  }
}
