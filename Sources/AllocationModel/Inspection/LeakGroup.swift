/// Trees of lost blocks that have something in common.
package struct LeakGroup: Hashable, Sendable {
  /// What trees are put together by.
  package enum Key: String, CaseIterable, Sendable {
    /// Of the first block; a size where it has none.
    case type
    /// Usable bytes of the first block.
    case size
  }

  package var name: String
  package var trees: UInt64
  package var total: HeapLeaks.Total

  package init(name: String, trees: UInt64, total: HeapLeaks.Total) {
    self.name = name
    self.trees = trees
    self.total = total
  }
}

extension HeapLeaks {
  /// Sums of the trees, the most bytes first.
  package func groups(by key: LeakGroup.Key) -> [LeakGroup] {
    var groups: [String: LeakGroup] = [:]
    for tree in trees {
      let size = "\(tree.headByteCount) bytes"
      let name = key == .type ? tree.type ?? size : size
      var group =
        groups[name] ?? LeakGroup(name: name, trees: 0, total: HeapLeaks.Total())
      group.trees += 1
      group.total.blocks += tree.total.blocks
      group.total.bytes += tree.total.bytes
      groups[name] = group
    }
    return groups.values.sorted {
      ($0.total.bytes, $0.total.blocks, $1.name) > ($1.total.bytes, $1.total.blocks, $0.name)
    }
  }

  /// Without the trees whose first block was lost in a former run already.
  ///
  /// What is lost stays where it is, so its address tells it.
  package func trees(since former: HeapLeaks) -> [Tree] {
    let known = Set(former.trees.map(\.address))
    return trees.filter { !known.contains($0.address) }
  }
}
