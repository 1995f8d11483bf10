package import AllocationModel

extension HeapSurvey {
  private static let largestCount = 3

  /// The roots that hold most, and the blocks that do where several roots reach them.
  package func holders(
    limit: Int, without excluded: Set<RootReference.Kind> = []
  ) -> HeapHolders {
    let dominators = RootedDominators(self, roots(without: excluded))
    let tree = dominators.tree
    let top = tree.dominators.indices.filter { tree.dominators[$0] == DominatorTree.roots }
    func isLarger(_ one: Int, _ other: Int) -> Bool {
      (tree.retainedByteCounts[one], other) > (tree.retainedByteCounts[other], one)
    }
    let shown = top.sorted(by: isLarger).prefix(max(0, limit))
    var below = Dictionary(uniqueKeysWithValues: shown.map { ($0, [Int]()) })
    for block in 0..<dominators.blockCount {
      let dominator = Int(tree.dominators[block])
      guard var largest = below[dominator] else { continue }
      largest.append(block)
      if largest.count > 64 * Self.largestCount {
        largest = Array(largest.sorted(by: isLarger).prefix(Self.largestCount))
      }
      below[dominator] = largest
    }
    func holder(_ node: Int, with blocks: [Int] = []) -> HeapHolders.Holder {
      let isBlock = node < dominators.blockCount
      return HeapHolders.Holder(
        root: isBlock ? nil : place(dominators.places[node - dominators.blockCount]),
        block: isBlock ? hop(node) : nil,
        retained: HeapLeaks.Total(
          blocks: UInt64(tree.retainedNodeCounts[node]) - (isBlock ? 0 : 1),
          bytes: tree.retainedByteCounts[node]),
        largest: blocks.sorted(by: isLarger).prefix(Self.largestCount).map { holder($0) })
    }
    return HeapHolders(
      pid: image.pid,
      total: HeapLeaks.Total(
        blocks: UInt64(top.reduce(0) { $0 + tree.retainedNodeCounts[$1] })
          - UInt64(dominators.places.count),
        bytes: top.reduce(0) { $0 + tree.retainedByteCounts[$1] }),
      holders: shown.map { holder($0, with: below[$0] ?? []) })
  }

  /// All of a variable or stack, rather than the one word of it.
  private func place(_ root: HeapRoot) -> RootReference {
    var reference = reference(root)
    if reference.offset != nil { reference.offset = 0 }
    return reference
  }
}
