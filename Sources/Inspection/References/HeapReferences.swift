import Dispatch
import Synchronization

/// All blocks of a heap with what they point to, and what points to them from outside.
package struct HeapReferences: Sendable {
  package let blocks: [HeapBlock]
  package let index: BlockIndex
  package let graph: ReferenceGraph
  package let roots: HeapRoots

  package init(of image: ProcessImage, _ walk: HeapWalk) {
    blocks = walk.blocks
    index = BlockIndex(blocks: walk.blocks.map { $0.address..<($0.address + $0.byteCount) })
    graph = Self.graph(of: image, walk.blocks, index)
    roots = HeapRoots(of: image, walk, index)
  }

  /// How each block can be reached.
  package var leakKinds: LeakKinds {
    LeakKinds(
      graph: graph, startRooted: roots.startRooted, interiorRooted: roots.interiorRooted)
  }

  /// Parts of the heap are read by as many threads as there are; bytes of one part.
  private static let partByteCount: UInt64 = 8 << 20
  private static let threadCount = 2

  private static func graph(
    of image: ProcessImage, _ blocks: [HeapBlock], _ index: BlockIndex
  ) -> ReferenceGraph {
    let parts = parts(of: blocks)
    let results = Mutex([ReferenceRows](repeating: ReferenceRows(), count: parts.count))
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: threadCount) { _ in
      while true {
        let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard part < parts.count else { return }
        let rows = rows(of: image, blocks, parts[part], index)
        results.withLock { $0[part] = rows }
      }
    }
    return ReferenceGraph(blockCount: blocks.count, parts: results.withLock { $0 })
  }

  private static func rows(
    of image: ProcessImage, _ blocks: [HeapBlock], _ members: Range<Int>, _ index: BlockIndex
  ) -> ReferenceRows {
    var rows = ReferenceRows()
    for number in members {
      let block = blocks[number]
      image.withBytes(of: block.address..<(block.address + block.byteCount)) { bytes in
        index.forEachReference(in: bytes) { _, destination, isToStart in
          rows.add(destination, isToStart: isToStart)
        }
      }
      rows.endBlock()
    }
    return rows
  }

  private static func parts(of blocks: [HeapBlock]) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var first = 0
    var byteCount: UInt64 = 0
    for (number, block) in blocks.enumerated() {
      byteCount += block.byteCount
      guard byteCount >= partByteCount || number == blocks.count - 1 else { continue }
      parts.append(first..<number + 1)
      first = number + 1
      byteCount = 0
    }
    return parts
  }
}
