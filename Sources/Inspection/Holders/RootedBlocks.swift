import AllocationModel

/// The roots that count, found by the block that they hold.
package struct RootedBlocks: Sendable {
  /// Ascending by block.
  package let roots: [HeapRoot]

  package init(_ roots: [HeapRoot]) {
    self.roots = roots.sorted { $0.block < $1.block }
  }

  /// Each block that a root points to, ascending.
  package var blocks: [Int] {
    var blocks: [Int] = []
    for root in roots where blocks.last != Int(root.block) { blocks.append(Int(root.block)) }
    return blocks
  }

  package func roots(of block: Int) -> ArraySlice<HeapRoot> {
    let low = roots.endOfPrefix { $0.block < Int32(block) }
    var end = low
    while end < roots.count, roots[end].block == Int32(block) { end += 1 }
    return roots[low..<end]
  }
}
