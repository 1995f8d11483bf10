/// Leaks that have something in common.
package struct LeakGroup: Hashable, Sendable {
  /// What trees are put together by.
  package enum Key: String, CaseIterable, Sendable {
    /// What allocated the first block.
    case stack
    /// Of the first block; a size where it has none.
    case type
    /// Usable bytes of the first block.
    case size
  }

  /// What they have in common, for people; of stacks the type, if all have the same.
  package var name: String?
  /// Nil if they are not grouped by it, or it is not known.
  package var origin: LeakOrigin?
  package var trees: UInt64 = 0
  package var cycles: UInt64 = 0
  package var totals: [LeakKindName: HeapLeaks.Total] = [:]

  package init(name: String? = nil, origin: LeakOrigin? = nil) {
    self.name = name
    self.origin = origin
  }

  package init(_ remainder: HeapLeaks.Remainder) {
    self.init(origin: remainder.origin)
    totals[remainder.kind] = remainder.total
  }

  package var total: HeapLeaks.Total { totals.values.reduce(HeapLeaks.Total(), +) }

  fileprivate mutating func add(_ tree: HeapLeaks.Tree, counting kinds: Set<LeakKindName>) {
    trees += 1
    if tree.isCycle { cycles += 1 }
    for (kind, part) in [(LeakKindName.definite, tree.head), (.indirect, tree.rest)]
    where kinds.contains(kind) && part.blocks > 0 {
      totals[kind, default: HeapLeaks.Total()] += part
    }
  }

  /// The most bytes first.
  package static func ranked(_ groups: [LeakGroup]) -> [LeakGroup] {
    func key(_ group: LeakGroup) -> (UInt64, UInt64) {
      (group.total.claimedBytes, group.total.blocks)
    }
    func name(_ group: LeakGroup) -> String {
      (group.origin?.site.description ?? "") + (group.name ?? "")
    }
    return groups.map { (key($0), name($0), $0) }.sorted {
      $0.0 != $1.0 ? $0.0 > $1.0 : $0.1 < $1.1
    }.map(\.2)
  }
}

extension HeapLeaks {
  /// Sums of the trees, the most bytes first.
  ///
  /// - Parameter kinds: parts of trees that count.
  package func groups(
    by key: LeakGroup.Key, counting kinds: Set<LeakKindName> = LeakKindName.lost
  ) -> [LeakGroup] {
    switch key {
    case .stack: groupsByStack(counting: kinds)
    case .type, .size: groupsByName(key, counting: kinds)
    }
  }

  private func groupsByName(
    _ key: LeakGroup.Key, counting kinds: Set<LeakKindName>
  ) -> [LeakGroup] {
    var groups: [String: LeakGroup] = [:]
    for tree in trees {
      let size = "\(tree.head.bytes) bytes"
      let name = key == .type ? tree.type ?? size : size
      groups[name, default: LeakGroup(name: name)].add(tree, counting: kinds)
    }
    return LeakGroup.ranked(groups.values.filter { !$0.totals.isEmpty })
  }

  private func groupsByStack(counting kinds: Set<LeakKindName>) -> [LeakGroup] {
    var groups: [SiteID?: LeakGroup] = [:]
    for tree in trees {
      let site = tree.origin?.site
      var group = groups[site] ?? LeakGroup(name: tree.type, origin: tree.origin)
      if group.name != tree.type { group.name = nil }
      group.add(tree, counting: kinds)
      groups[site] = group
    }
    return LeakGroup.ranked(groups.values.filter { !$0.totals.isEmpty })
  }

  /// Without the trees whose first block was lost in a former run already.
  ///
  /// What is lost stays where it is, so its address tells it.
  package func trees(since former: HeapLeaks) -> [Tree] {
    let known = Set(former.trees.map(\.address))
    return trees.filter { !known.contains($0.address) }
  }
}
