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

    /// Bytes that count for a site.
    fileprivate var countedBytes: UInt64 { site == nil ? 0 : range.byteCount }
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
  package var liveBytes: UInt64 { intervals.reduce(0) { $0 + $1.countedBytes } }

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
      allocatedBytes: range.byteCount, allocatedBlocks: 1)
  }

  /// A range is about to be unmapped.
  package mutating func unmap(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    // Also what took nothing away: if it fails, it is not an earlier one of the same range that is undone.
    recentRemovals.append((range, remove(range)))
    if recentRemovals.count > Self.removalLimit { recentRemovals.removeFirst() }
  }

  /// The `unmap` of exactly this range has failed. What was mapped there since stays.
  package mutating func restore(_ range: Range<UInt64>) {
    for piece in takeRemoval(of: range) {
      for gap in gaps(in: piece.range) {
        var part = piece
        part.range = gap
        putBack(part)
      }
    }
  }

  /// The mapping that was unmapped at `old` is now at `new`, longer or shorter; it keeps its site.
  ///
  /// Neighbours that the kernel joined move together and keep theirs. What another thread has mapped at `old`
  /// since is not touched.
  package mutating func move(from old: Range<UInt64>, to new: Range<UInt64>) {
    let pieces = takeRemoval(of: old)
    remove(new)
    guard let last = pieces.last, !new.isEmpty else { return }
    for piece in pieces {
      let start = piece.range.lowerBound - old.lowerBound
      guard start < new.byteCount else { break }
      var moved = piece
      moved.range =
        new.lowerBound + start..<new.lowerBound + min(start + piece.range.byteCount, new.byteCount)
      putBack(moved)
    }
    guard new.byteCount > old.byteCount else { return }
    let growth = new.lowerBound + old.byteCount..<new.upperBound
    insert(Interval(range: growth, site: last.site, mapping: last.mapping))
    if let site = last.site { countersBySite[site]?.allocatedBytes &+= growth.byteCount }
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
      sum + remove(gap).reduce(0) { $0 + $1.countedBytes }
    }
  }

  // MARK: Intervals

  /// The index of the first interval that ends behind an address.
  private func firstIndex(endingAfter address: UInt64) -> Int {
    intervals.endOfPrefix { $0.range.upperBound <= address }
  }

  private mutating func insert(_ interval: Interval) {
    remainingBytes[interval.mapping, default: 0] += interval.range.byteCount
    let index = firstIndex(endingAfter: interval.range.lowerBound)
    if let last = intervals[..<index].last, last.mapping == interval.mapping,
      last.range.upperBound == interval.range.lowerBound
    {
      intervals[index - 1].range = last.range.lowerBound..<interval.range.upperBound
    } else {
      intervals.insert(interval, at: index)
    }
  }

  /// The parts of a range where nothing is mapped.
  private func gaps(in range: Range<UInt64>) -> [Range<UInt64>] {
    var gaps: [Range<UInt64>] = []
    var position = range.lowerBound
    for interval in intervals[firstIndex(endingAfter: position)...] {
      guard interval.range.lowerBound < range.upperBound else { break }
      if interval.range.lowerBound > position {
        gaps.append(position..<interval.range.lowerBound)
      }
      position = interval.range.upperBound
    }
    if position < range.upperBound { gaps.append(position..<range.upperBound) }
    return gaps
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
    let bytes = piece.range.byteCount
    let rest = (remainingBytes[piece.mapping] ?? bytes) - bytes
    remainingBytes[piece.mapping] = rest == 0 ? nil : rest
    guard let site = piece.site else { return }
    countersBySite[site]?.freedBytes &+= bytes
    if rest == 0 { countersBySite[site]?.freedBlocks &+= 1 }
  }

  /// Undoes the removal of a piece, at its old place or another; nothing may be mapped there.
  private mutating func putBack(_ piece: Interval) {
    if let site = piece.site {
      countersBySite[site]?.freedBytes &-= piece.range.byteCount
      if remainingBytes[piece.mapping] == nil { countersBySite[site]?.freedBlocks &-= 1 }
    }
    insert(piece)
  }

  private mutating func takeRemoval(of range: Range<UInt64>) -> [Interval] {
    guard let index = recentRemovals.lastIndex(where: { $0.range == range }) else { return [] }
    return recentRemovals.remove(at: index).pieces
  }
}

extension Range<UInt64> {
  /// Unlike `count`, which is an `Int`, this holds for every range.
  fileprivate var byteCount: UInt64 { upperBound - lowerBound }
}
