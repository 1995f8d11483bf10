/// The mappings of one process as intervals, with the site that made each.
///
/// A mapping may be cut, replaced in part and moved, so addresses are kept as disjoint intervals; a mapping
/// counts as freed when its last byte is gone. Pure: events go in, counters come out.
package struct MappingLedger<Site: Hashable & Sendable>: Sendable {
  /// A part of a mapping that is still there.
  package struct Interval: Hashable, Sendable {
    package var range: Range<UInt64>
    /// Nil: the allocator's own, or made by nobody knows whom.
    package var site: Site?
    fileprivate var mapping: Int
  }

  /// Sorted by address, disjoint, none empty.
  package private(set) var intervals: [Interval] = []
  /// Bytes and number of mappings by the site that made them. What a move or a failed call undoes is undone.
  package private(set) var countersBySite: [Site: AllocationCounters] = [:]

  private var remainingBytes: [Int: UInt64] = [:]
  private var lastMapping = 0
  /// What recent calls took away, for the move or the failure that may still be reported.
  private var recentRemovals: [(range: Range<UInt64>, pieces: [Interval])] = []
  private static var removalLimit: Int { 64 }

  package init() {}

  /// Bytes mapped by known sites.
  package var liveBytes: UInt64 {
    intervals.reduce(0) { $0 + ($1.site == nil ? 0 : UInt64($1.range.count)) }
  }

  /// A range is mapped anew, whatever was there before.
  ///
  /// - Parameter site: nil for the allocator's own mappings.
  package mutating func map(_ range: Range<UInt64>, site: Site?) {
    guard !range.isEmpty else { return }
    remove(range)
    lastMapping += 1
    insert(Interval(range: range, site: site, mapping: lastMapping))
    guard let site else { return }
    countersBySite[site, default: AllocationCounters()] += AllocationCounters(
      allocatedBytes: UInt64(range.count), allocatedBlocks: 1)
  }

  /// A range is about to be unmapped.
  package mutating func unmap(_ range: Range<UInt64>) {
    let pieces = remove(range)
    // An older removal of the same range is settled by now: its call has returned.
    recentRemovals.removeAll { $0.range == range }
    recentRemovals.append((range, pieces))
    if recentRemovals.count > Self.removalLimit { recentRemovals.removeFirst() }
  }

  /// The `unmap` of exactly this range has failed.
  package mutating func restore(_ range: Range<UInt64>) {
    for piece in takeRemoval(of: range) { undoRemoval(of: piece) }
  }

  /// The mapping that was unmapped at `old` is now at `new`, longer or shorter; it keeps its site.
  package mutating func move(from old: Range<UInt64>, to new: Range<UInt64>) {
    let pieces = takeRemoval(of: old)
    remove(new)
    guard let first = pieces.first, !new.isEmpty else { return }
    // Several mappings that were moved as one become one, which is the first one's; the others are freed.
    let own = pieces.filter { $0.mapping == first.mapping }
    let oldBytes = own.reduce(0) { $0 + UInt64($1.range.count) }
    undoCounters(of: first, bytes: oldBytes)
    insert(Interval(range: new, site: first.site, mapping: first.mapping))
    let newBytes = UInt64(new.count)
    guard let site = first.site else { return }
    if newBytes >= oldBytes {
      countersBySite[site]?.allocatedBytes += newBytes - oldBytes
    } else {
      countersBySite[site]?.freedBytes += oldBytes - newBytes
    }
  }

  /// The program break went up, which maps, or down, which unmaps.
  package mutating func moveProgramBreak(from old: UInt64, to new: UInt64, site: Site?) {
    if new > old { map(old..<new, site: site) } else if new < old { remove(new..<old) }
  }

  /// Drops what is not mapped any more: unmapped by calls that nobody saw.
  ///
  /// - Parameter mapped: the process's mappings, sorted by address, as read after all events were handled.
  /// - Returns: bytes of known sites that were dropped.
  @discardableResult
  package mutating func reconcile(with mapped: [Range<UInt64>]) -> UInt64 {
    var gaps: [Range<UInt64>] = []
    var index = 0
    for interval in intervals {
      var position = interval.range.lowerBound
      while index > 0, index <= mapped.count, mapped[index - 1].upperBound > position { index -= 1 }
      while position < interval.range.upperBound {
        while index < mapped.count, mapped[index].upperBound <= position { index += 1 }
        let next = index < mapped.count ? mapped[index].lowerBound : UInt64.max
        if next > position {
          let end = min(next, interval.range.upperBound)
          gaps.append(position..<end)
          position = end
        } else {
          position = min(mapped[index].upperBound, interval.range.upperBound)
        }
      }
    }
    return gaps.reduce(0) { sum, gap in
      sum + remove(gap).reduce(0) { $0 + ($1.site == nil ? 0 : UInt64($1.range.count)) }
    }
  }

  // MARK: Intervals

  /// The index of the first interval that ends behind an address.
  private func firstIndex(endingAfter address: UInt64) -> Int {
    var low = 0
    var high = intervals.count
    while low < high {
      let middle = (low + high) / 2
      if intervals[middle].range.upperBound <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func insert(_ interval: Interval) {
    intervals.insert(interval, at: firstIndex(endingAfter: interval.range.lowerBound))
    remainingBytes[interval.mapping, default: 0] += UInt64(interval.range.count)
  }

  /// Cuts a range out and returns the parts of intervals that lay in it.
  @discardableResult
  private mutating func remove(_ range: Range<UInt64>) -> [Interval] {
    guard !range.isEmpty else { return [] }
    let start = firstIndex(endingAfter: range.lowerBound)
    var end = start
    var kept: [Interval] = []
    var removed: [Interval] = []
    while end < intervals.count, intervals[end].range.lowerBound < range.upperBound {
      let interval = intervals[end]
      var left = interval
      left.range = interval.range.lowerBound..<max(interval.range.lowerBound, range.lowerBound)
      var right = interval
      right.range = min(interval.range.upperBound, range.upperBound)..<interval.range.upperBound
      if !left.range.isEmpty { kept.append(left) }
      if !right.range.isEmpty { kept.append(right) }
      var cut = interval
      cut.range = interval.range.clamped(to: range)
      removed.append(cut)
      end += 1
    }
    intervals.replaceSubrange(start..<end, with: kept)
    for piece in removed { countRemoval(of: piece) }
    return removed
  }

  private mutating func countRemoval(of piece: Interval) {
    let bytes = UInt64(piece.range.count)
    let rest = max(remainingBytes[piece.mapping] ?? bytes, bytes) - bytes
    remainingBytes[piece.mapping] = rest == 0 ? nil : rest
    guard let site = piece.site else { return }
    countersBySite[site]?.freedBytes += bytes
    if rest == 0 { countersBySite[site]?.freedBlocks += 1 }
  }

  private mutating func undoRemoval(of piece: Interval) {
    // Another thread may have mapped something there since: that stays.
    remove(piece.range)
    undoCounters(of: piece, bytes: UInt64(piece.range.count))
    insert(piece)
  }

  private mutating func undoCounters(of piece: Interval, bytes: UInt64) {
    guard let site = piece.site, var counters = countersBySite[site] else { return }
    counters.freedBytes -= min(counters.freedBytes, bytes)
    if remainingBytes[piece.mapping] == nil { counters.freedBlocks -= min(counters.freedBlocks, 1) }
    countersBySite[site] = counters
  }

  private mutating func takeRemoval(of range: Range<UInt64>) -> [Interval] {
    guard let index = recentRemovals.lastIndex(where: { $0.range == range }) else { return [] }
    return recentRemovals.remove(at: index).pieces
  }
}
