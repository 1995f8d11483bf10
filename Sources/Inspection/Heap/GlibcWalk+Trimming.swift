import Processes

extension GlibcWalk {
  /// A free chunk keeps its own fields (sizeof (struct malloc_chunk)) in memory.
  private static let keptByteCount: UInt64 = 48
  /// The least top that malloc leaves (MINSIZE, and one byte more).
  private static let leastTopByteCount: UInt64 = 33
  private static let pageByteCount: UInt64 = 4096

  /// Works out what `malloc_trim(0)` would give back, by the rule of `mtrim` and `systrim` (malloc/malloc.c), which is the
  /// same from 2.26 to 2.43.
  ///
  /// Fastbins are merged with their free neighbours first. Then every free chunk gives back its whole pages, and the
  /// break is lowered to just above the start of the main arena's top. Caches and the tops of other arenas stay.
  mutating func forecastTrim() {
    var ranges: [Range<UInt64>] = []
    var merged: Range<UInt64>?
    for chunk in walk.freeChunks where chunk.kind != .cached {
      let end = chunk.address + chunk.byteCount
      let start = merged?.upperBound == chunk.address ? merged?.lowerBound : nil
      if start == nil, let pages = merged.flatMap(Self.wholePages) { ranges.append(pages) }
      merged = (start ?? chunk.address)..<end
      guard chunk.kind == .top else { continue }
      if chunk.arena == 0, let pages = topPages(start ?? chunk.address, end) {
        ranges.append(pages)
      }
      merged = nil
    }
    if let pages = merged.flatMap(Self.wholePages) { ranges.append(pages) }
    walk.returnableRanges = ranges
  }

  private static func wholePages(_ chunk: Range<UInt64>) -> Range<UInt64>? {
    let start = (chunk.lowerBound + keptByteCount + pageByteCount - 1) & ~(pageByteCount - 1)
    let end = chunk.upperBound & ~(pageByteCount - 1)
    return start < end ? start..<end : nil
  }

  /// What lowering the break gives back: nothing if somebody else has moved it, or if the arena's memory is elsewhere.
  private func topPages(_ start: UInt64, _ end: UInt64) -> Range<UInt64>? {
    guard let region = image.regionIndex(at: start), image.regions[region].mapping.isHeap,
      image.regions[region].mapping.end == end, end - start > Self.leastTopByteCount
    else { return nil }
    // With the tunable glibc.malloc.hugetlb=1 it is lowered by whole huge pages.
    let hugePage = layout.hugePageByteCount.flatMap(parameter) ?? 0
    let unit =
      hugePage.nonzeroBitCount == 1 ? max(hugePage, Self.pageByteCount) : Self.pageByteCount
    let byteCount = (end - start - Self.leastTopByteCount) & ~(unit - 1)
    return byteCount > 0 ? end - byteCount..<end : nil
  }
}
