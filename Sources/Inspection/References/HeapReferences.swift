import Processes

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

  /// Bytes of a part of the heap that one thread reads.
  private static let partByteCount: UInt64 = 8 << 20

  private static func graph(
    of image: ProcessImage, _ blocks: [HeapBlock], _ index: BlockIndex
  ) -> ReferenceGraph {
    let parts = parts(of: blocks)
    // Nobody else keeps the rows, so that they can be given up one by one.
    return ReferenceGraph(
      blockCount: blocks.count,
      parts: SharedWork.results(count: parts.count) {
        rows(of: image, blocks, parts[$0], index)
      })
  }

  private static func rows(
    of image: ProcessImage, _ blocks: [HeapBlock], _ members: Range<Int>, _ index: BlockIndex
  ) -> ReferenceRows {
    var rows = ReferenceRows()
    let byteCount = blocks[members].reduce(0) { $0 + $1.byteCount }
    rows.reserve(edges: Int(min(byteCount, 2 * partByteCount) / 8), blocks: members.count)
    var first = members.lowerBound
    while first < members.upperBound {
      let last = lastNeighbour(of: first, in: members, blocks, image)
      let range = blocks[first].address..<(blocks[last].address + blocks[last].byteCount)
      let isRead: Void? = image.withBytes(of: range) { bytes in
        index.addReferences(of: first..<last + 1, in: bytes, to: &rows)
      }
      if isRead == nil { for _ in first...last { rows.endBlock() } }
      first = last + 1
    }
    return rows
  }

  /// The last of the blocks that follow one in its mapping.
  private static func lastNeighbour(
    of first: Int, in members: Range<Int>, _ blocks: [HeapBlock], _ image: ProcessImage
  ) -> Int {
    guard let region = image.regionIndex(at: blocks[first].address) else { return first }
    let end = image.regions[region].mapping.end
    var last = first
    while last + 1 < members.upperBound,
      blocks[last + 1].address + blocks[last + 1].byteCount <= end
    { last += 1 }
    return last
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
