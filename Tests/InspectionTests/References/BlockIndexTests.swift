import TestSupport
import Testing

@testable import Inspection

@Suite struct BlockIndexTests {
  @Test func `every address is found as a search through all blocks finds it`() {
    for seed in 1...200 as ClosedRange<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let blocks = randomBlocks(using: &generator)
      let index = BlockIndex(blocks: blocks)
      let edges = blocks.flatMap {
        [$0.lowerBound - 1, $0.lowerBound, $0.upperBound - 1, $0.upperBound]
      }
      let anywhere = (0..<200).map { _ in
        UInt64.random(in: index.bounds, using: &generator)
      }
      for address in edges + anywhere + [0, .max] {
        #expect(index.block(at: address) == blocks.firstIndex { $0.contains(address) })
      }
    }
  }

  @Test func `nothing is found where there are no blocks`() {
    #expect(BlockIndex(blocks: []).block(at: 0) == nil)
  }

  @Test func `aligned words that are addresses in blocks are references`() {
    let index = BlockIndex(blocks: [0x1000..<0x1018, 0x1020..<0x1038, 0x900_0000..<0x900_0100])
    let words: [UInt64] = [
      0x1020, 0x1018, 0x900_0008, 0xfff, 0x1017, 0x900_0100, 0x8000_0000_0000_1000, 7,
    ]
    var found: [[Int]] = []
    index.forEachReference(in: words.span.bytes) { offset, block, isToStart in
      found.append([offset, block, isToStart ? 1 : 0])
    }
    #expect(found == [[0, 1, 1], [16, 2, 0], [32, 0, 0]])
  }

  /// Chunks of 24 bytes and more, 16 apart, with free space and now and then a wide gap in between.
  private func randomBlocks(using generator: inout SeededGenerator) -> [Range<UInt64>] {
    var blocks: [Range<UInt64>] = []
    var address: UInt64 = 0x5555_0000_0010
    for _ in 0..<Int.random(in: 1...80, using: &generator) {
      let byteCount = 24 + 16 * UInt64.random(in: 0...120, using: &generator)
      blocks.append(address..<(address + byteCount))
      address += byteCount + 8
      switch Int.random(in: 0..<10, using: &generator) {
      case 0: address += 16 * UInt64.random(in: 0...1000, using: &generator)
      case 1: address += 1 << UInt64.random(in: 19...34, using: &generator)
      default: break
      }
    }
    return blocks
  }
}
