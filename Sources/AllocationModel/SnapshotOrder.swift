/// What a list of sites is ranked by; the first site has most of it.
package enum SnapshotOrder: String, CaseIterable, Sendable {
  /// Lower bound of growth, then live bytes.
  case growth
  /// Live bytes.
  case live
  /// Live blocks.
  case blocks
  /// Bytes allocated since observation began.
  case allocated
  /// Bytes freed since observation began.
  case freed
  /// Age of the oldest live block; sites without one come last.
  case age

  /// A total order up to sites equal in key, id and pid.
  package func precedes(_ lhs: SiteSnapshot, _ rhs: SiteSnapshot) -> Bool {
    let (left, right) = (key(lhs), key(rhs))
    if left.first != right.first { return left.first > right.first }
    if left.second != right.second { return left.second > right.second }
    if lhs.id != rhs.id { return lhs.id < rhs.id }
    return lhs.pid < rhs.pid
  }

  private func key(_ site: SiteSnapshot) -> (first: Double, second: UInt64) {
    switch self {
    case .growth:
      // NaN is below everything, so that the order stays total whatever is compared.
      (site.growth.low.isNaN ? -.infinity : site.growth.low, site.counters.liveBytes)
    case .live: (0, site.counters.liveBytes)
    case .blocks: (0, site.counters.liveBlocks)
    case .allocated: (0, site.counters.allocatedBytes)
    case .freed: (0, site.counters.freedBytes)
    case .age: (site.oldest.map { $0.isNaN ? -1 : $0 } ?? -1, 0)
    }
  }
}

extension Snapshot {
  /// Sites and mappings ranked; sites that rank alike keep their order.
  package func sorted(by order: SnapshotOrder) -> Snapshot {
    var snapshot = self
    snapshot.sites = order.ranked(sites)
    snapshot.mappings = order.ranked(mappings)
    return snapshot
  }

  /// Only the first `count` sites. Targets, their totals, mappings and losses are not touched.
  package func limited(to count: Int) -> Snapshot {
    guard sites.count > max(0, count) else { return self }
    var snapshot = self
    snapshot.omittedSiteCount += sites.count - max(0, count)
    snapshot.sites = Array(sites.prefix(max(0, count)))
    return snapshot
  }
}

extension SnapshotOrder {
  func ranked(_ sites: [SiteSnapshot]) -> [SiteSnapshot] {
    sites.indices.sorted { left, right in
      if precedes(sites[left], sites[right]) { return true }
      return left < right && !precedes(sites[right], sites[left])
    }.map { sites[$0] }
  }
}
