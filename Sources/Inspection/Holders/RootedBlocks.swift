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
    var low = 0
    var high = roots.count
    while low < high {
      let middle = (low + high) / 2
      if roots[middle].block < Int32(block) { low = middle + 1 } else { high = middle }
    }
    var end = low
    while end < roots.count, roots[end].block == Int32(block) { end += 1 }
    return roots[low..<end]
  }
}
