import AllocationModel
import TestSupport
import Testing

@testable import Inspection

@Suite struct HeapAccountTests {
  @Test(arguments: GlibcWalkTests.versions)
  func `every byte belongs to one part`(version: GlibcLayout.Version) throws {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<20 {
      let layout = try #require(GlibcLayout(version))
      let heap = SyntheticHeap.random(layout, &generator)
      let image = try heap.image()
      let account = try heap.walker.walk(image).account(in: image)
      let residence = account.residence
      #expect(residence.total == heap.memory.values.reduce(0) { $0 + UInt64($1.count) })
      let held = heap.heldBlocks
      #expect(account.live.blocks == UInt64(held.count))
      #expect(account.live.bytes == held.reduce(0) { $0 + $1.byteCount })
      #expect(residence[.live] == account.live.bytes)
      // The first word of the heap, the cache, a word for each block, two for that with its own mapping, the arena.
      let headers =
        8 + GlibcLayout.chunkByteCount(for: layout.cacheByteCount) + 8 * UInt64(held.count - 1) + 16
        + UInt64(layout.arenaByteCount)
      #expect(residence[.headers] == headers)
      let free = account.free
      #expect(
        residence[.caches] + residence[.trimmable] + residence[.kept] + residence[.pinned]
          == free.total - 8)
      #expect(account.classes.reduce(0) { $0 + $1.live.blocks } == account.live.blocks)
      #expect(account.classes.reduce(0) { $0 + $1.free.bytes } == free.total - free.top)
      #expect(account.mapped.bytes == SyntheticHeap.mappedByteCount - 16)
      #expect(residence[.data] == 0x4000 - UInt64(layout.arenaByteCount))
    }
  }

  private static func account(_ chunks: [SyntheticHeap.Chunk]) throws -> HeapAccount {
    let heap = SyntheticHeap(try #require(GlibcLayout(.init(2, 36))), chunks)
    let image = try heap.image()
    return try heap.walker.walk(image).account(in: image)
  }

  @Test func `a small block between large free chunks pins its page`() throws {
    // Behind the cache of 0x290 bytes.
    let account = try Self.account([
      .init(byteCount: 0x1800 - 0x290, use: .held), .init(byteCount: 0x2000, use: .binned),
      .init(byteCount: 0x40, use: .held), .init(byteCount: 0x2000, use: .binned),
      .init(byteCount: 0x400, use: .held),
    ])
    let pin = try #require(account.pins.first)
    #expect(account.pins.count == 1)
    #expect(pin.blockBytes == 0x38)
    #expect(pin.pages == 1)
    #expect(pin.freeBytes == 0x1000 - 0x40)
    #expect(pin.addresses == [SyntheticHeap.heapStart + 0x3810])
    let entry = try #require(account.classes.first { $0.limit == 64 })
    #expect(entry.pinnedPages == 1)
    #expect(entry.pinnedFreeBytes == pin.freeBytes)
  }

  @Test func `a page of which more than an eighth is in use is pinned by nobody`() throws {
    let account = try Self.account([
      .init(byteCount: 0x1800 - 0x290, use: .held), .init(byteCount: 0x2000, use: .binned),
      .init(byteCount: 0x210, use: .held), .init(byteCount: 0x2000, use: .binned),
      .init(byteCount: 0x400, use: .held),
    ])
    #expect(account.pins.isEmpty)
  }

  @Test func `what is not in memory is live, but not resident`() throws {
    let heap = SyntheticHeap(
      try #require(GlibcLayout(.init(2, 36))), [.init(byteCount: 0x8000, use: .held)])
    let image = try heap.image(residentPages: 2)
    let account = try heap.walker.walk(image).account(in: image)
    // Of the only chunk in the arena two pages less what is before it; of the mapping two pages less its header.
    #expect(account.residence[.live] == 0x2000 - 0x290 - 16 + 0x2000 - 16)
    #expect(account.live.bytes == 0x8000 - 8 + SyntheticHeap.mappedByteCount - 16)
    #expect(account.residence[.trimmable] == 0)
  }
}
