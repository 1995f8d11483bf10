/// What is counted of a site at one time, in a reading or a snapshot.
package protocol SiteFigures {
  var counters: AllocationCounters { get set }
  var ending: StackEnding { get set }
  var oldest: Double? { get set }
  var temporaryBlocks: UInt64 { get set }
  var lifetimes: Lifetimes? { get set }
  var estimate: SiteEstimate? { get set }
}

extension SiteReading: SiteFigures {}
extension SiteSnapshot: SiteFigures {}

extension SiteFigures {
  /// Adds the figures of another stack of the same site.
  package mutating func add(_ other: borrowing some SiteFigures) {
    let isLarger = other.counters.freedBlocks > counters.freedBlocks
    counters += other.counters
    temporaryBlocks &+= other.temporaryBlocks
    if other.ending != .complete { ending = other.ending }
    oldest = [oldest, other.oldest].compactMap { $0 }.max()
    // Two distributions can't be added by their quantiles; the one of more blocks stands for both.
    if isLarger || lifetimes == nil { lifetimes = other.lifetimes ?? lifetimes }
    if let added = other.estimate { estimate = estimate.map { $0 + added } ?? added }
  }
}
