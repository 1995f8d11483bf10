/// What one pattern kept out of a report.
package struct SuppressedLeaks: Hashable, Sendable {
  package var pattern: String
  package var siteCount = 0
  package var blocks: UInt64 = 0
  package var bytes: UInt64 = 0

  package init(pattern: String, siteCount: Int = 0, blocks: UInt64 = 0, bytes: UInt64 = 0) {
    self.pattern = pattern
    self.siteCount = siteCount
    self.blocks = blocks
    self.bytes = bytes
  }
}

extension HeapLeaks {
  /// Takes out what is suppressed, and counts it by pattern, in the order of the list.
  ///
  /// A pattern that matches the stack of a tree's first block suppresses the tree, as LeakSanitizer does not report what
  /// only suppressed blocks lead to. Without a stack the type's name is matched.
  package mutating func suppress(_ list: SuppressionList) {
    var counts = list.patterns.map { SuppressedLeaks(pattern: $0.text) }
    var sites = list.patterns.map { _ in Set<String>() }
    var indicesBySite: [SiteID: Int?] = [:]
    func index(of origin: LeakOrigin?, _ type: String?) -> Int? {
      guard let origin, !origin.stack.isEmpty else { return list.index(matching: [], type: type) }
      if let known = indicesBySite[origin.site] { return known }
      let index = list.index(matching: origin.stack, type: nil)
      indicesBySite[origin.site] = .some(index)
      return index
    }
    func count(_ index: Int, _ total: Total, _ name: String) {
      counts[index].blocks += total.blocks
      counts[index].bytes += total.claimedBytes
      if sites[index].insert(name).inserted { counts[index].siteCount += 1 }
    }
    let (allTrees, allRemainders) = (trees, remainders)
    trees = allTrees.filter { tree in
      guard let found = index(of: tree.origin, tree.type) else { return true }
      count(found, tree.total, tree.origin?.site.description ?? tree.type ?? "")
      self[.definite].subtract(tree.head)
      self[.indirect].subtract(tree.rest)
      return false
    }
    remainders = allRemainders.filter { remainder in
      guard let found = index(of: remainder.origin, nil) else { return true }
      count(found, remainder.total, remainder.origin?.site.description ?? "")
      self[remainder.kind].subtract(remainder.total)
      return false
    }
    suppressed = counts.filter { $0.siteCount > 0 }
  }
}

extension HeapLeaks.Total {
  fileprivate mutating func subtract(_ other: Self) {
    guard other.blocks > 0 else { return }
    blocks -= other.blocks
    bytes -= other.bytes
    requestedBytes = requestedBytes.flatMap { own in other.requestedBytes.map { own - $0 } }
  }
}
