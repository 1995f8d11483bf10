/// What a command left behind when it ended: what was lost, and what may be there.
package struct LossReport: Hashable, Sendable {
  /// Less what is suppressed.
  package var leaks: HeapLeaks
  /// Kinds that are reported and count.
  package var kinds: Set<LeakKindName>
  /// Bytes that may leak.
  package var limit: UInt64
  /// Blocks of which it can't be told whether anything references them; they count if they were never freed.
  package var unclear: LeakReport

  package init(
    _ leaks: HeapLeaks, kinds: Set<LeakKindName> = LeakKindName.lost, limit: UInt64 = 0,
    unclear: LeakReport
  ) {
    self.leaks = leaks
    self.kinds = kinds
    self.limit = limit
    self.unclear = unclear
  }

  /// Of the kinds that count.
  package var counted: HeapLeaks.Total {
    LeakKindName.allCases.lazy.filter(kinds.contains).map { leaks[$0] }
      .reduce(HeapLeaks.Total(), +)
  }

  /// Stacks that have blocks of the kinds that count, the most bytes first.
  package var groups: [LeakGroup] {
    var groups = leaks.groups(by: .stack, counting: kinds)
    for remainder in leaks.remainders where kinds.contains(remainder.kind) {
      groups.append(LeakGroup(remainder))
    }
    return LeakGroup.ranked(groups)
  }

  /// More leaked than the limit allows; blocks of no bytes are leaks, too, if none is allowed.
  package var isFailure: Bool {
    let isAny = counted.blocks > 0 || !unclear.leaks.isEmpty
    return limit == 0 ? isAny : counted.claimedBytes + unclear.leakedBytes > limit
  }
}
