/// What a command left allocated when it ended, less what is known and suppressed.
package struct LeakReport: Hashable, Sendable {
  /// Sites with live blocks that nothing suppresses, the most bytes first.
  package var leaks: [SiteSnapshot] = []
  /// In the order of the suppression file.
  package var suppressed: [SuppressedLeaks] = []
  /// Live bytes that may be there.
  package var limit: UInt64

  /// - Parameters:
  ///   - snapshot: the last one, with all sites named, and no site left out.
  ///   - limit: leaked bytes that are no reason to fail.
  package init(
    _ snapshot: Snapshot, suppressions: SuppressionList = SuppressionList(), limit: UInt64 = 0
  ) {
    self.limit = limit
    suppressed = suppressions.patterns.map { SuppressedLeaks(pattern: $0.text) }
    for site in snapshot.sites where site.counters.liveBlocks > 0 && site.isLeftForSure {
      guard let index = suppressions.index(matching: site.stack) else {
        leaks.append(site)
        continue
      }
      suppressed[index].siteCount += 1
      suppressed[index].blocks &+= site.counters.liveBlocks
      suppressed[index].bytes &+= site.counters.liveBytes
    }
    suppressed.removeAll { $0.siteCount == 0 }
    leaks = SnapshotOrder.live.ranked(leaks)
  }

  package var leakedBlocks: UInt64 { leaks.reduce(0) { $0 &+ $1.counters.liveBlocks } }
  package var leakedBytes: UInt64 { leaks.reduce(0) { $0 &+ $1.counters.liveBytes } }
  /// More leaked than the limit allows; blocks of no bytes are leaks, too, if none is allowed.
  package var isFailure: Bool { limit == 0 ? !leaks.isEmpty : leakedBytes > limit }
}

extension SiteSnapshot {
  /// What windows saw come and not go is noise unless it grows beyond chance.
  fileprivate var isLeftForSure: Bool { estimate == nil || assessment.verdict == .growing }
}
