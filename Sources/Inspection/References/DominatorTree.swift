/// What keeps what alive: the block through which every path from the roots to a block leads, and the bytes that would
/// become unreachable with it.
///
/// Semi-NCA (L. Georgiadis, R. E. Tarjan: Finding dominators revisited, SODA 2004) over a virtual root that references
/// the rooted blocks, in order of a depth-first search; no recursion, as lists of millions of blocks are common.
package struct DominatorTree: Sendable {
  /// For each block: its immediate dominator; −1 for the roots themselves, −2 for what no root reaches.
  package private(set) var dominators: [Int32]
  /// For each block: its own bytes and those of all blocks that it dominates; 0 for what no root reaches.
  package private(set) var retainedByteCounts: [UInt64]
  /// For each block: 1 and the number of blocks that it dominates; 0 for what no root reaches.
  package private(set) var retainedNodeCounts: [Int]

  package static let roots: Int32 = -1
  package static let unreached: Int32 = -2

  package init(graph: ReferenceGraph, rooted: [Int], byteCounts: [UInt64]) {
    let search = DepthFirstOrder(graph: graph, rooted: rooted)
    let found = search.dominators()
    dominators = [Int32](repeating: Self.unreached, count: graph.blockCount)
    retainedByteCounts = [UInt64](repeating: 0, count: graph.blockCount)
    retainedNodeCounts = [Int](repeating: 0, count: graph.blockCount)
    let blocks = search.blocks
    for number in 1..<blocks.count {
      let block = Int(blocks[number])
      retainedByteCounts[block] = byteCounts[block]
      retainedNodeCounts[block] = 1
    }
    // A dominator precedes what it dominates, so its total is complete when its turn comes.
    for number in stride(from: blocks.count - 1, to: 0, by: -1) {
      let block = Int(blocks[number])
      guard found[number] != 0 else {
        dominators[block] = Self.roots
        continue
      }
      let dominator = Int(blocks[Int(found[number])])
      dominators[block] = Int32(dominator)
      retainedByteCounts[dominator] += retainedByteCounts[block]
      retainedNodeCounts[dominator] += retainedNodeCounts[block]
    }
  }
}
