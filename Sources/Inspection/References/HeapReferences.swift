/// All blocks of a heap with what they point to, and what points to them from outside.
package struct HeapReferences: Sendable {
  package let blocks: [HeapBlock]
  package let graph: ReferenceGraph
  package let roots: HeapRoots

  package init(of image: ProcessImage, _ walk: HeapWalk) {
    blocks = walk.blocks
    let index = BlockIndex(blocks: walk.blocks.map { $0.address..<($0.address + $0.byteCount) })
    var references: [Reference] = []
    for (number, block) in walk.blocks.enumerated() {
      image.withBytes(of: block.address..<(block.address + block.byteCount)) { bytes in
        index.appendReferences(from: number, contents: bytes, to: &references)
      }
    }
    graph = ReferenceGraph(blockCount: walk.blocks.count, references: references)
    roots = HeapRoots(of: image, walk, index)
  }

  /// How each block can be reached.
  package var leakKinds: LeakKinds {
    LeakKinds(
      graph: graph, startRooted: roots.startRooted, interiorRooted: roots.interiorRooted)
  }
}
