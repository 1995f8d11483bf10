/// One pointer found in memory: the block that holds it, and the block that it points into.
package struct Reference: Hashable, Sendable {
  package var source: Int32
  package var destination: Int32
  /// Whether it points at the first byte of the destination rather than into its middle.
  package var isToStart: Bool

  package init(source: Int32, destination: Int32, isToStart: Bool) {
    self.source = source
    self.destination = destination
    self.isToStart = isToStart
  }
}

/// The references among blocks `0..<blockCount` as compressed rows: 4 bytes a block and 4 a reference.
///
/// An edge is the index of the block at its other end, with the top bit set where it points into the middle of its
/// destination. So there are at most 2³¹ blocks.
package struct ReferenceGraph: Sendable {
  static let interior: UInt32 = 1 << 31

  package let blockCount: Int
  /// Where the edges of each block begin in `edges`; one more element than there are blocks.
  private let offsets: [UInt32]
  private let edges: [UInt32]

  /// Sorts the references by source, counting, in time proportional to blocks and references.
  package init(blockCount: Int, references: [Reference]) {
    self.init(
      blockCount: blockCount, count: references.count,
      row: { Int(references[$0].source) },
      edge: {
        UInt32(references[$0].destination) | (references[$0].isToStart ? 0 : Self.interior)
      })
  }

  /// Puts the rows of consecutive blocks one behind the other, and gives up each as soon as it has been copied.
  init(blockCount: Int, parts: consuming [ReferenceRows]) {
    var offsets: [UInt32] = [0]
    var edges: [UInt32] = []
    offsets.reserveCapacity(blockCount + 1)
    edges.reserveCapacity(parts.reduce(0) { $0 + $1.edges.count })
    for number in parts.indices {
      let base = UInt32(edges.count)
      edges += parts[number].edges
      for end in parts[number].ends { offsets.append(base + end) }
      parts[number] = ReferenceRows()
    }
    precondition(offsets.count == blockCount + 1)
    self.blockCount = blockCount
    self.offsets = offsets
    self.edges = edges
  }

  private init(
    blockCount: Int, count: Int, row: (Int) -> Int, edge: (Int) -> UInt32
  ) {
    var offsets = [UInt32](repeating: 0, count: blockCount + 1)
    for position in 0..<count { offsets[row(position) + 1] += 1 }
    for block in 0..<blockCount { offsets[block + 1] += offsets[block] }
    var next = offsets
    var edges = [UInt32](repeating: 0, count: count)
    for position in 0..<count {
      let block = row(position)
      edges[Int(next[block])] = edge(position)
      next[block] += 1
    }
    self.blockCount = blockCount
    self.offsets = offsets
    self.edges = edges
  }

  /// The same with more blocks, behind the ones that are there.
  func extended(by rows: ReferenceRows) -> ReferenceGraph {
    let own = ReferenceRows(edges: edges, ends: Array(offsets.dropFirst()))
    return ReferenceGraph(blockCount: blockCount + rows.ends.count, parts: [own, rows])
  }

  package var referenceCount: Int { edges.count }

  /// Positions in the edge list that belong to a block, for `destination(at:)`.
  package func positions(of block: Int) -> Range<Int> {
    Int(offsets[block])..<Int(offsets[block + 1])
  }

  package func destination(at position: Int) -> Int { Int(edges[position] & ~Self.interior) }

  package func isToStart(at position: Int) -> Bool { edges[position] & Self.interior == 0 }

  /// Follows references from blocks, and on from those of which `visit` says so, in any order.
  ///
  /// Of several blocks at a time it is asked where their references are before they are followed: most of the time is
  /// that of waiting for memory, and so it is waited for together.
  @inline(__always)
  func spread(
    from blocks: [Int], _ visit: (_ destination: Int, _ isToStart: Bool) -> Bool
  ) {
    var queue = blocks
    var rows = InlineArray<32, Range<Int>>(repeating: 0..<0)
    var first = InlineArray<32, UInt32>(repeating: 0)
    while !queue.isEmpty {
      let count = min(queue.count, rows.count)
      for number in 0..<count { rows[number] = positions(of: queue[queue.count - 1 - number]) }
      queue.removeLast(count)
      for number in 0..<count where !rows[number].isEmpty {
        first[number] = edges[rows[number].lowerBound]
      }
      for number in 0..<count {
        for position in rows[number] {
          let edge = position == rows[number].lowerBound ? first[number] : edges[position]
          let destination = Int(edge & ~Self.interior)
          if visit(destination, edge & Self.interior == 0) { queue.append(destination) }
        }
      }
    }
  }

  /// The same references, found by the block that they point into.
  package func reversed() -> ReferenceGraph {
    var sources = [UInt32](repeating: 0, count: edges.count)
    for block in 0..<blockCount {
      for position in positions(of: block) { sources[position] = UInt32(block) }
    }
    return ReferenceGraph(
      blockCount: blockCount, count: edges.count,
      row: { destination(at: $0) },
      edge: { sources[$0] | (edges[$0] & Self.interior) })
  }
}

/// The references of some consecutive blocks, as they are found.
struct ReferenceRows: Sendable {
  private(set) var edges: [UInt32] = []
  /// Behind the last edge of each block.
  private(set) var ends: [UInt32] = []
  private var partStart = 0

  init(edges: [UInt32] = [], ends: [UInt32] = []) {
    self.edges = edges
    self.ends = ends
  }

  @inline(__always)
  mutating func add(_ destination: Int, isToStart: Bool) {
    edges.append(
      UInt32(truncatingIfNeeded: destination) | (isToStart ? 0 : ReferenceGraph.interior))
  }

  mutating func endBlock() { ends.append(UInt32(edges.count)) }

  /// Makes room, so that nothing is moved while rows are added; pages that are not needed cost nothing.
  mutating func reserve(edges: Int, blocks: Int) {
    self.edges.reserveCapacity(edges)
    ends.reserveCapacity(blocks)
  }

  /// From here on, `endBlocks` counts from the blocks that have ended.
  mutating func beginPart() { partStart = ends.count }

  /// Ends blocks until `count` have ended in this part.
  @inline(__always)
  mutating func endBlocks(_ count: Int) {
    while ends.count - partStart < count { endBlock() }
  }
}
