/// What a list of sites is ranked by; the first site has most of it.
package enum SnapshotOrder: String, CaseIterable, Sendable {
  /// Unreachable bytes, then the lower bound of growth, then how sure windows are of growth, then live bytes.
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

  /// A total order up to sites equal in key, id and process.
  package func precedes(_ lhs: SiteSnapshot, _ rhs: SiteSnapshot) -> Bool {
    rank(lhs, at: 0).precedes(rank(rhs, at: 0))
  }

  /// The sites from the first to the last; sites that rank alike keep their order.
  package func ranked(_ sites: [SiteSnapshot]) -> [SiteSnapshot] {
    var ranks: [Rank] = []
    ranks.reserveCapacity(sites.count)
    for index in sites.indices { ranks.append(rank(sites[index], at: index)) }
    ranks.sort { $0.precedes($1) }
    return ranks.map { sites[$0.index] }
  }

  func rank(_ site: borrowing SiteSnapshot, at index: Int) -> Rank {
    var rank = Rank(id: site.id, pid: site.pid, startTicks: site.startTicks, index: index)
    switch self {
    case .growth:
      // Not a number is below everything, so that the order stays total whatever is compared.
      rank.first = site.growth.low.isNaN ? -.infinity : site.growth.low
      if let significance = site.estimate?.flow.significance, significance > 0, rank.first <= 0 {
        // A lower bound below zero says how much is recorded rather than what grows: a busy cache has the lowest.
        rank.first = 1e-6 * min(significance, 1000)
      }
      if site.assessment.verdict == .unreachable, let inspection = site.inspection {
        // Above whatever grows: nothing grows by so much a second.
        rank.first = 1e15 + Double(inspection.unreachable.bytes)
      }
      rank.second = site.counters.liveBytes
    case .live: rank.second = site.counters.liveBytes
    case .blocks: rank.second = site.counters.liveBlocks
    case .allocated: rank.second = site.counters.allocatedBytes
    case .freed: rank.second = site.counters.freedBytes
    case .age: rank.first = site.oldest.map { $0.isNaN ? -1 : $0 } ?? -1
    }
    return rank
  }

  /// What two sites are compared by; more comes first.
  ///
  /// Plain numbers are sorted, since moving whole sites costs ten times as much.
  struct Rank {
    var first = 0.0
    var second: UInt64 = 0
    let id: SiteID
    let pid: Int32
    let startTicks: UInt64
    /// Where the site is.
    let index: Int

    @inline(__always)
    func precedes(_ other: Rank) -> Bool {
      if first != other.first { return first > other.first }
      if second != other.second { return second > other.second }
      if id != other.id { return id < other.id }
      if pid != other.pid { return pid < other.pid }
      if startTicks != other.startTicks { return startTicks < other.startTicks }
      return index < other.index
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

  /// Only the first `count` sites.
  ///
  /// Targets, their totals, mappings and losses are not touched.
  package func limited(to count: Int) -> Snapshot {
    guard sites.count > max(0, count) else { return self }
    var snapshot = self
    snapshot.omittedSiteCount += sites.count - max(0, count)
    snapshot.sites = Array(sites.prefix(max(0, count)))
    return snapshot
  }
}
