import Processes

/// Which pages of a range of addresses have contents, as runs.
struct PagePresence {
  static let pageByteCount: UInt64 = 4096

  /// Present in memory or swapped out; ascending, not touching.
  private(set) var written: [Range<UInt64>] = []
  /// Present in memory; ascending, not touching.
  private(set) var resident: [Range<UInt64>] = []
  /// The process's own, so not the page of a file that it maps; ascending, not touching.
  private(set) var own: [Range<UInt64>] = []

  init() {}

  /// Appends the page that begins at `page`, which must be above those that were appended before.
  mutating func append(page: UInt64, entry: UInt64) {
    // Bits of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). A guard page (Linux 6.13) looks swapped.
    let isPresent = entry >> 63 & 1 == 1
    let isGuard = entry >> 58 & 1 == 1
    let isSwapped = entry >> 62 & 1 == 1 && !isGuard
    if isPresent || isSwapped { Self.extend(&written, by: page) }
    if isPresent { Self.extend(&resident, by: page) }
    // Swapped pages of private mappings were written.
    let isOfFile = entry >> 61 & 1 == 1
    if isPresent || isSwapped, !isOfFile { Self.extend(&own, by: page) }
  }

  private static func extend(_ runs: inout [Range<UInt64>], by page: UInt64) {
    if let last = runs.last, last.upperBound == page {
      runs[runs.count - 1] = last.lowerBound..<page + pageByteCount
    } else {
      runs.append(page..<page + pageByteCount)
    }
  }
}

extension PagePresence {
  /// Asks for the pages of a mapping, before its memory is read: reading a page that was never touched would map one.
  ///
  /// Nil when `deadline` passes: a reservation of terabytes has gigabytes of entries.
  init?(
    of range: Range<UInt64>, in file: borrowing PageMapFile, until deadline: ContinuousClock.Instant
  ) throws(ProcessError) {
    self.init()
    let size = Self.pageByteCount
    var page = range.lowerBound
    while page < range.upperBound {
      let count = Int(min((range.upperBound - page) / size, 1 << 16))
      let entries = try file.entries(from: page / size, count: count)
      guard !entries.isEmpty else { return }
      for (index, entry) in entries.enumerated() where entry != 0 {
        append(page: page + UInt64(index) * size, entry: entry)
      }
      page += UInt64(entries.count) * size
      guard ContinuousClock.now < deadline else { return nil }
    }
  }
}
