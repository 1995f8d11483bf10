import TestSupport
import Testing

@testable import Inspection

@Suite struct ReferenceScanTests {
  @Test func `references of neighbours are those of every word looked up alone`() {
    for seed in 1...100 as ClosedRange<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let blocks = randomBlocks(using: &generator)
      let index = BlockIndex(blocks: blocks)
      let base = blocks[0].lowerBound
      let wordCount = Int(blocks[blocks.count - 1].upperBound - base) / 8
      let words = (0..<wordCount).map { _ -> UInt64 in
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: UInt64.random(in: index.bounds, using: &generator)
        case 1: generator.pick(blocks).lowerBound
        case 2: generator.pick(blocks).upperBound
        default: UInt64.random(in: .min ... .max, using: &generator)
        }
      }
      // Blocks that were there before must not be disturbed.
      var rows = ReferenceRows()
      rows.add(0, isToStart: true)
      rows.endBlock()
      index.addReferences(of: 0..<blocks.count, in: words.span.bytes, to: &rows)

      let graph = ReferenceGraph(blockCount: blocks.count + 1, parts: [rows])
      #expect(graph.positions(of: 0).count == 1)
      for (number, block) in blocks.enumerated() {
        let first = Int(block.lowerBound - base) / 8
        let expected = words[first..<first + block.count / 8].compactMap { word in
          index.block(at: word).map { [$0, blocks[$0].lowerBound == word ? 1 : 0] }
        }
        let found = graph.positions(of: number + 1).map {
          [graph.destination(at: $0), graph.isToStart(at: $0) ? 1 : 0]
        }
        #expect(found == expected, "block \(number), seed \(seed)")
      }
    }
  }

  private func randomBlocks(using generator: inout SeededGenerator) -> [Range<UInt64>] {
    var blocks: [Range<UInt64>] = []
    var address: UInt64 = 0x5555_0000_0010
    for _ in 0..<Int.random(in: 1...60, using: &generator) {
      let byteCount = 24 + 16 * UInt64.random(in: 0...40, using: &generator)
      blocks.append(address..<(address + byteCount))
      address += byteCount + 8 + 16 * UInt64.random(in: 0...4, using: &generator)
    }
    return blocks
  }
}
