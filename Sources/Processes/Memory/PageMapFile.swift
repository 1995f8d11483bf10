import CLinux
import Glibc

/// `/proc/PID/pagemap`: eight bytes for each page of the address space (Documentation/admin-guide/mm/pagemap.rst).
package struct PageMapFile: ~Copyable {
  private let file: OwnedFile
  private let path: String

  package init(pid: Int32) throws(ProcessError) {
    path = "/proc/\(pid)/pagemap"
    file = try OwnedFile(opening: path)
  }

  /// Pages that follow each other and are of one kind.
  package struct Run {
    package var range: Range<UInt64>
    /// Swapped out, and no guard page.
    package var isSwapped: Bool
    /// In memory; not the page of zeroes that the kernel lends to what was only read.
    package var isPresent: Bool
    /// Of a file, or shared.
    package var isFile: Bool

    package init(range: Range<UInt64>, isSwapped: Bool, isPresent: Bool, isFile: Bool) {
      self.range = range
      self.isSwapped = isSwapped
      self.isPresent = isPresent
      self.isFile = isFile
    }
  }

  /// Finds the pages of a range that are in memory or swapped, without a look at those that are not: the runs from `start`
  /// on, ascending, and the address up to which these are all.
  ///
  /// Nil before Linux 6.7, which has no such search.
  package borrowing func runs(
    from start: UInt64, to end: UInt64
  ) throws(ProcessError) -> (runs: [Run], end: UInt64)? {
    var start = start
    var runs: [linux_page_run] = []
    var code = EINVAL
    // Guard pages are told apart by newer kernels only.
    for categories in [Self.categories | Self.guardCategory, Self.categories] where code == EINVAL {
      code = 0
      runs = [linux_page_run](unsafeUninitializedCapacity: Self.runLimit) { buffer, filled in
        filled = 0
        guard let base = buffer.baseAddress else { return }
        let count = retryingInterrupts {
          Int(linux_scan_pages(file.rawValue, &start, end, categories, base, buffer.count))
        }
        if count < 0 { code = errno } else { filled = count }
      }
    }
    guard code != ENOTTY, code != EINVAL else { return nil }
    guard code == 0 else { throw ProcessError(action: "search \(path)", errno: code) }
    return (runs.map(Self.run), start)
  }

  private static let runLimit = 4096
  private static let categories =
    UInt64(LINUX_PAGE_IS_FILE) | UInt64(LINUX_PAGE_IS_PRESENT)
    | UInt64(LINUX_PAGE_IS_SWAPPED) | UInt64(LINUX_PAGE_IS_ZERO)
  private static let guardCategory = UInt64(LINUX_PAGE_IS_GUARD)

  private static func run(_ run: linux_page_run) -> Run {
    func has(_ category: Int) -> Bool { run.categories & UInt64(category) != 0 }
    return Run(
      range: run.start..<run.end,
      isSwapped: has(LINUX_PAGE_IS_SWAPPED) && !has(LINUX_PAGE_IS_GUARD),
      isPresent: has(LINUX_PAGE_IS_PRESENT) && !has(LINUX_PAGE_IS_ZERO),
      isFile: has(LINUX_PAGE_IS_FILE))
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
