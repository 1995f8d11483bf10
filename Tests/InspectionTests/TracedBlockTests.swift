import LinuxSystem
import Processes
import TestSupport
import Testing

@testable import Inspection

@Suite struct TracedBlockTests {
  private static let heap: UInt64 = 0x7f00_0000_0000
  private static let data: UInt64 = 0x5555_0000_0000

  /// A file's variables, which go on in a page of their own, and one anonymous mapping.
  private func image(_ words: [UInt64: UInt64]) throws -> ProcessImage {
    var memory: [UInt64: [UInt8]] = [
      Self.data: Array(repeating: 0, count: 4096), Self.heap: Array(repeating: 0, count: 8192),
    ]
    for (address, word) in words {
      let start = address >= Self.heap ? Self.heap : Self.data
      for byte in 0..<8 {
        memory[start]?[Int(address - start) + byte] = UInt8(truncatingIfNeeded: word >> (8 * byte))
      }
    }
    return try ProcessImage.synthetic(
      threads: [],
      memory.sorted { $0.key < $1.key }.map { start, bytes in
        let mapping = MemoryMapping(
          start: start, end: start + UInt64(bytes.count), permissions: [.read, .write],
          inode: start == Self.data ? 7 : 0, path: start == Self.data ? "/bin/program" : nil)
        return (mapping, bytes)
      })
  }

  private func traced(_ offset: UInt64, _ bytes: UInt64, born: UInt32 = 1) -> TracedBlock {
    TracedBlock(address: Self.heap + offset, byteCount: bytes, born: born)
  }

  private func walk(_ blocks: [TracedBlock], in image: ProcessImage) -> HeapWalk {
    var walk = HeapWalk(allocator: "other")
    _ = walk.add(blocks, in: image.regions)
    return walk
  }

  @Test func `blocks are sorted, and empty ones take a byte`() throws {
    let walk = walk([traced(64, 0), traced(16, 16)], in: try image([:]))
    #expect(walk.blocks.map(\.address) == [Self.heap + 16, Self.heap + 64])
    #expect(walk.blocks.map(\.byteCount) == [16, 1])
    #expect(walk.heapRanges == [Self.heap + 16..<Self.heap + 32, Self.heap + 64..<Self.heap + 65])
    #expect(walk.unknownRanges == [Self.heap..<Self.heap + 8192])
  }

  @Test func `of two in one place the younger one is there, also when ticks wrap`() throws {
    let image = try image([:])
    for (old, new) in [(1, 2), (UInt32.max, 0)] as [(UInt32, UInt32)] {
      let first = walk([traced(0, 32, born: old), traced(16, 32, born: new)], in: image)
      #expect(first.blocks.map(\.address) == [Self.heap + 16])
      let second = walk([traced(0, 32, born: new), traced(16, 32, born: old)], in: image)
      #expect(second.blocks.map(\.address) == [Self.heap])
    }
  }

  @Test func `what was walked is not taken twice`() throws {
    let image = try image([:])
    var walk = HeapWalk(allocator: "glibc")
    walk.heapRanges = [Self.heap..<Self.heap + 4096]
    #expect(walk.add([traced(16, 16), traced(4096, 16)], in: image.regions) == 1)
    #expect(walk.blocks.map(\.address) == [Self.heap + 4096])
    #expect(walk.heapRanges == [Self.heap..<Self.heap + 4112])
  }

  @Test func `a size that no memory has is left out`() throws {
    #expect(walk([traced(0, .max)], in: try image([:])).blocks.isEmpty)
  }

  /// A block that a variable names, one that unknown memory names, one that another holds, and one that nothing names.
  @Test func `memory between blocks holds them possibly`() throws {
    let image = try image([
      Self.data + 8: Self.heap + 16, Self.heap + 16: Self.heap + 64,
      Self.heap + 4096: Self.heap + 128,
    ])
    let walk = walk(
      [traced(16, 16), traced(64, 16), traced(128, 16), traced(256, 16)], in: image)
    let references = HeapReferences(of: image, walk)
    #expect(
      references.leakKinds.kinds == [.reachable, .reachable, .possibly, .definitely])
    #expect(references.roots.all.map(\.isCertain) == [true, false])
  }
}
