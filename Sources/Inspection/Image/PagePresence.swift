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
    append(
      PageMapFile.Run(
        range: page..<page + Self.pageByteCount, isSwapped: isSwapped, isPresent: isPresent,
        isFile: entry >> 61 & 1 == 1))
  }

  /// Appends pages which must be above those that were appended before.
  mutating func append(_ run: PageMapFile.Run) {
    if run.isPresent || run.isSwapped { Self.extend(&written, by: run.range) }
    if run.isPresent { Self.extend(&resident, by: run.range) }
    // Swapped pages of private mappings were written.
    if run.isPresent || run.isSwapped, !run.isFile { Self.extend(&own, by: run.range) }
  }

  private static func extend(_ runs: inout [Range<UInt64>], by run: Range<UInt64>) {
    if let last = runs.last, last.upperBound == run.lowerBound {
      runs[runs.count - 1] = last.lowerBound..<run.upperBound
    } else {
      runs.append(run)
    }
  }
}

extension PagePresence {
  /// Asks for the pages of a mapping, before its memory is read: reading a page that was never touched would map one.
  ///
  /// Nil when `deadline` passes, as it may before Linux 6.7: a reservation of terabytes has gigabytes of entries there.
  init?(
    of range: Range<UInt64>, in file: borrowing PageMapFile, until deadline: ContinuousClock.Instant
  ) throws(ProcessError) {
    self.init()
    var start = range.lowerBound
    while start < range.upperBound, let found = try file.runs(from: start, to: range.upperBound) {
      for run in found.runs { append(run) }
      start = found.end
      guard ContinuousClock.now < deadline else { return nil }
    }
    guard start == range.lowerBound else { return }
    try self.init(entriesOf: range, in: file, until: deadline)
  }

  /// The same from one entry for each page, which old kernels have, too.
  init?(
    entriesOf range: Range<UInt64>, in file: borrowing PageMapFile,
    until deadline: ContinuousClock.Instant
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
