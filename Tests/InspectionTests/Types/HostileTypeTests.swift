import AllocationModel
import LinuxSystem
import Processes
import TestSupport
import Testing

@testable import Inspection

@Suite struct HostileTypeTests {
  private static let module: Range<UInt64> = 0x40_0000..<0x40_4000
  private static let heap: Range<UInt64> = 0x60_0000..<0x60_4000

  @Test func `any bytes can be where types are looked for`() throws {
    var kinds: Set<BlockType.Kind> = []
    for seed in 1...300 as ClosedRange<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let image = try ProcessImage.synthetic([
        (
          MemoryMapping(
            start: Self.module.lowerBound, end: Self.module.upperBound,
            permissions: [.read, .write], inode: 7, path: "/app"),
          Self.bytes(Self.module.count, using: &generator)
        ),
        (
          MemoryMapping(
            start: Self.heap.lowerBound, end: Self.heap.upperBound, permissions: [.read, .write],
            path: "[heap]"),
          Self.bytes(Self.heap.count, using: &generator)
        ),
      ])
      var walk = HeapWalk(allocator: "none")
      walk.blocks = stride(from: Self.heap.lowerBound, to: Self.heap.upperBound, by: 64).map {
        HeapBlock(address: $0 + 16, byteCount: 40, arena: 0)
      }
      let survey = HeapSurvey(of: image, walk, in: nil)
      for row in survey.census().rows { kinds.insert(row.type.kind) }
      _ = survey.holders(limit: 5)
      for block in walk.blocks.prefix(8) {
        _ = survey.references(to: block.address + 3, limit: 3)
        _ = survey.place(at: block.address - 8)
      }
    }
    #expect(kinds.contains(.size))
  }

  /// Mostly addresses within the image and small numbers, so that one thing leads to the next.
  private static func bytes(
    _ count: Int, using generator: inout SeededGenerator
  ) -> [UInt8] {
    (0..<count / 8).flatMap { _ -> [UInt8] in
      let word: UInt64 =
        switch Int.random(in: 0..<8, using: &generator) {
        case 0...2: UInt64.random(in: module, using: &generator) & ~7
        case 3: UInt64.random(in: heap, using: &generator) & ~7
        case 4: 0
        case 5: UInt64.random(in: 0...64, using: &generator)
        case 6: .max & ~7
        default: UInt64.random(in: .min ... .max, using: &generator)
        }
      return withUnsafeBytes(of: word.littleEndian) { Array($0) }
    }
  }
}
