import Testing

@testable import Inspection

/// What `malloc_trim(0)` would give back, on heaps whose addresses are known.
@Suite struct TrimForecastTests {
  /// Chunks behind one that ends at `offset` of the second page.
  private static func ranges(
    after offset: UInt64, _ chunks: [SyntheticHeap.Chunk],
    version: GlibcLayout.Version = .init(2, 36)
  ) throws -> (ranges: [Range<UInt64>], page: UInt64, end: UInt64) {
    let layout = try #require(GlibcLayout(version))
    let cache = GlibcLayout.chunkByteCount(for: layout.cacheByteCount)
    let filler = SyntheticHeap.Chunk(byteCount: 0x1000 + offset - cache, use: .held)
    let heap = SyntheticHeap(layout, [filler] + chunks)
    let walk = try heap.walker.walk(try heap.image())
    #expect(walk.checks.filter { !$0.isOK }.isEmpty)
    return (
      walk.returnableRanges, SyntheticHeap.heapStart + 0x1000,
      SyntheticHeap.heapStart + SyntheticHeap.heapByteCount
    )
  }

  private static let held = SyntheticHeap.Chunk(byteCount: 0x40, use: .held)

  @Test func `the top gives back whole pages but for the least chunk`() throws {
    // The top begins 32 bytes before a page: MINSIZE and a byte must stay.
    let tight = try Self.ranges(after: 0xFA0, [Self.held])
    #expect(tight.ranges == [tight.page + 0x2000..<tight.end])
    let loose = try Self.ranges(after: 0xF90, [Self.held])
    #expect(loose.ranges == [loose.page + 0x1000..<loose.end])
  }

  @Test(arguments: [(0xFD0, 0x1000), (0xFE0, 0x2000)] as [(UInt64, UInt64)])
  func `a free chunk keeps 48 bytes`(offset: UInt64, first: UInt64) throws {
    let free = SyntheticHeap.Chunk(byteCount: 0x3020, use: .binned)
    let (ranges, page, _) = try Self.ranges(after: offset, [free, Self.held])
    #expect(ranges.first == page + first..<page + ((offset + 0x3020) & ~0xFFF))
    #expect(ranges.count == 2)
  }

  @Test func `a chunk without a whole page gives nothing back`() throws {
    let free = SyntheticHeap.Chunk(byteCount: 0x1010, use: .binned)
    let (ranges, _, end) = try Self.ranges(after: 0xFE0, [free, Self.held])
    #expect(ranges.map(\.upperBound) == [end])
  }

  @Test func `chunks of fastbins are merged with their free neighbours, those of caches are not`()
    throws
  {
    let parts: [SyntheticHeap.Chunk] = [
      .init(byteCount: 0x800, use: .binned), .init(byteCount: 0x40, use: .fast),
      .init(byteCount: 0x40, use: .fast), .init(byteCount: 0x900, use: .binned),
    ]
    let (ranges, page, end) = try Self.ranges(after: 0xF00, parts + [Self.held])
    #expect(ranges.first == page + 0x1000..<page + 0x2000)
    #expect(ranges.last?.upperBound == end)
    var cached = parts
    cached[1].use = .cached
    #expect(try Self.ranges(after: 0xF00, cached + [Self.held]).ranges.count == 1)
  }

  @Test func `a chunk of a fastbin before the top becomes part of it`() throws {
    let fast = SyntheticHeap.Chunk(byteCount: 0x60, use: .fast)
    let (ranges, page, end) = try Self.ranges(after: 0xF90, [fast])
    #expect(ranges == [page + 0x1000..<end])
    // Held, it leaves the top 16 bytes before the page.
    let held = try Self.ranges(after: 0xF90, [.init(byteCount: 0x60, use: .held)])
    #expect(held.ranges == [page + 0x2000..<end])
  }

  @Test func `with huge pages the top gives back whole ones only`() throws {
    var heap = SyntheticHeap(try #require(GlibcLayout(.init(2, 41))), [Self.held])
    heap.put(0x8000, at: SyntheticHeap.parameters + 40)
    let walk = try heap.walker.walk(try heap.image())
    let end = SyntheticHeap.heapStart + SyntheticHeap.heapByteCount
    #expect(walk.returnableRanges == [end - 0x20000..<end])
  }
}
