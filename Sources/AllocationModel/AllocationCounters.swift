/// Four counters that only grow; what is live is their difference.
package struct AllocationCounters: Hashable, Sendable {
  /// Bytes as requested by the program, summed over all allocations.
  package var allocatedBytes: UInt64
  package var allocatedBlocks: UInt64
  /// Requested bytes of those counted blocks that were freed again.
  package var freedBytes: UInt64
  package var freedBlocks: UInt64

  package init(
    allocatedBytes: UInt64 = 0,
    allocatedBlocks: UInt64 = 0,
    freedBytes: UInt64 = 0,
    freedBlocks: UInt64 = 0
  ) {
    self.allocatedBytes = allocatedBytes
    self.allocatedBlocks = allocatedBlocks
    self.freedBytes = freedBytes
    self.freedBlocks = freedBlocks
  }

  /// Bytes allocated and not freed, ≥ 0.
  ///
  /// The four counters are read one after another while the program runs; a free that lands between
  /// two reads must not turn into a huge unsigned number, so the difference stops at 0.
  package var liveBytes: UInt64 { allocatedBytes > freedBytes ? allocatedBytes - freedBytes : 0 }
  package var liveBlocks: UInt64 {
    allocatedBlocks > freedBlocks ? allocatedBlocks - freedBlocks : 0
  }

  /// Allocations and frees.
  var eventCount: UInt64 { allocatedBlocks &+ freedBlocks }

  package static func + (lhs: Self, rhs: Self) -> Self {
    Self(
      allocatedBytes: lhs.allocatedBytes &+ rhs.allocatedBytes,
      allocatedBlocks: lhs.allocatedBlocks &+ rhs.allocatedBlocks,
      freedBytes: lhs.freedBytes &+ rhs.freedBytes,
      freedBlocks: lhs.freedBlocks &+ rhs.freedBlocks
    )
  }

  package static func += (lhs: inout Self, rhs: Self) { lhs = lhs + rhs }
}
