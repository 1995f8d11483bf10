import AllocationModel
import Processes

extension GlibcWalk {
  /// Heaps of other arenas than the main one begin at multiples of this (HEAP_MAX_SIZE, malloc/arena.c).
  static let heapAlignment: UInt64 = 64 << 20
  private static let isNotContiguous: UInt64 = 2

  /// Finds where arenas have their memory, and every chunk in it.
  mutating func findSegments() {
    findHeaps()
    for (index, region) in image.regions.enumerated() where region.mapping.isHeap {
      findBreakSegments(in: index)
    }
    let flags = (image.word(at: anchors.mainArena) ?? 0) >> 32
    if mainByteCount < walk.arenas[0].systemByteCount, flags & Self.isNotContiguous != 0 {
      findForeignSegments()
    }
    segments.sort { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// Bytes of the segments of the main arena, their ends included, and what it did not use to begin at a multiple of 16.
  var mainByteCount: UInt64 {
    segments.reduce(unalignedByteCount) {
      $1.arena == 0 ? $0 + UInt64($1.end - $1.range.lowerBound) : $0
    }
  }

  private mutating func findHeaps() {
    let arenas = Dictionary(
      uniqueKeysWithValues: anchors.arenas.enumerated().map { ($1, UInt16(clamping: $0)) })
    for (index, region) in image.regions.enumerated() where region.isAnonymous {
      let alignment = Self.heapAlignment
      var start = (region.mapping.start + alignment - 1) & ~(alignment - 1)
      while start < region.mapping.end {
        if let arena = image.word(at: start).flatMap({ arenas[$0] }), arena != 0,
          let size = image.word(at: start + 16), size <= alignment, size % 4096 == 0, size > 0
        {
          let end = min(start + size, region.mapping.end)
          addHeap(start..<end, arena: arena, region: index)
        }
        start += alignment
      }
    }
  }

  /// The header of a heap comes first, and in an arena's first heap the arena itself.
  private mutating func addHeap(_ range: Range<UInt64>, arena: UInt16, region: Int) {
    var first = range.lowerBound + UInt64(layout.heapHeaderByteCount)
    if anchors.arenas[Int(arena)] == first {
      first = (first + UInt64(layout.arenaByteCount) + 15) & ~15
    }
    guard first < range.upperBound else { return }
    walk.allocatorRanges.append(range.lowerBound..<first)
    let top = top(of: anchors.arenas[Int(arena)])
    var segment = HeapSegment(
      first..<range.upperBound, region: region, arena: arena,
      top: range.contains(top) ? top : nil)
    scan(&segment)
    segments.append(segment)
  }

  /// The memory that brk(2) gave: up to the top, or in pieces where somebody else moved the break.
  private mutating func findBreakSegments(in region: Int) {
    let mapping = image.regions[region].mapping
    var start = mapping.start
    if let base = parameter(layout.breakBase), mapping.contains(base) {
      start = (base + 15) & ~15
      unalignedByteCount = start - base
    }
    var isFirst = true
    while start < mapping.end {
      if isFirst || isChain(from: start, in: region) {
        var segment = HeapSegment(
          start..<mapping.end, region: region, arena: 0,
          top: (start..<mapping.end).contains(top(of: anchors.mainArena))
            ? top(of: anchors.mainArena) : nil)
        scan(&segment)
        segment.cutOff()
        segments.append(segment)
        start = max(start + 1, segment.end)
      } else {
        start += 1
      }
      start = (start + 4095) & ~4095
      isFirst = false
    }
  }

  /// Where brk(2) failed, or somebody else moved the break, the main arena has pieces anywhere, which begin with a page.
  private mutating func findForeignSegments() {
    let heaps = segments.map(\.range)
    for (index, region) in image.regions.enumerated()
    where region.isAnonymous && !region.mapping.isHeap {
      for run in region.written where !heaps.contains(where: { $0.overlaps(run) }) {
        var start = run.lowerBound
        while start < run.upperBound {
          guard isChain(from: start, in: index) else {
            start += 4096
            continue
          }
          let range = start..<region.mapping.end
          let top = top(of: anchors.mainArena)
          var segment = HeapSegment(
            range, region: index, arena: 0, top: range.contains(top) ? top : nil)
          scan(&segment)
          segment.cutOff()
          segments.append(segment)
          start = max(start + 4096, (segment.end + 4095) & ~4095)
        }
      }
    }
  }

  private func chain(in region: Int, limit: UInt64, arena: UInt16) -> ChunkChain {
    ChunkChain(
      base: image.regions[region].mapping.start, limit: limit,
      top: top(of: anchors.arenas[Int(arena)]),
      forbidden: arena == 0 ? ChunkChain.isMapped | ChunkChain.isNotMain : ChunkChain.isMapped)
  }

  /// Whether chunks of the main arena begin here: their chain leads to its top, or to two fences.
  private func isChain(from start: UInt64, in region: Int) -> Bool {
    guard let header = image.word(at: start + 8), header & 7 == ChunkChain.previousInUse,
      header >= ChunkChain.leastByteCount
    else { return false }
    let mapping = image.regions[region].mapping
    let chain = chain(in: region, limit: mapping.end, arena: 0)
    let found = image.withBytes(of: mapping.start..<mapping.end) { bytes in
      let (end, ending) = chain.follow(from: start, in: bytes) { _ in }
      return ending == .top
        || ending == .fence && (image.word(at: end + 24) ?? 0) == 0x10 | ChunkChain.previousInUse
    }
    return found ?? false
  }

  /// Marks all chunks of a segment; where a header is damaged, goes on behind it.
  private mutating func scan(_ segment: inout HeapSegment) {
    let mapping = image.regions[segment.region].mapping
    let chain = chain(
      in: segment.region, limit: segment.range.upperBound, arena: segment.arena)
    var damaged: [(UInt64, UInt64?)] = []
    _ = image.withBytes(of: mapping.start..<mapping.end) { bytes in
      var address = segment.range.lowerBound
      while true {
        let (end, ending) = chain.follow(from: address, in: bytes) { segment.markStart($0) }
        switch ending {
        case .top:
          segment.end = end + (bytes.word(at: Int(end - mapping.start) + 8) & ~7)
        case .fence:
          segment.end = min(end + 32, segment.range.upperBound)
        case .limit:
          segment.end = end
        case .broken:
          let next = chain.resynchronize(behind: end, in: bytes)
          damaged.append((end, next))
          if let next {
            address = next
            continue
          }
          segment.end = segment.range.upperBound
        }
        break
      }
    }
    segment.end = min(max(segment.end, segment.range.lowerBound), segment.range.upperBound)
    for (address, next) in damaged {
      let behind =
        next.map { "goes on at \(Figure.hexadecimal($0))" } ?? "nothing behind it is readable"
      walk.report(address, "no header of a chunk; \(behind)")
    }
  }
}
