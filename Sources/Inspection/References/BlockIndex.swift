/// Which block an address lies in: three words for each 64 granules of each dense stretch of blocks, so that a word is
/// resolved in constant time and mostly without a look at the blocks themselves.
///
/// A granule is 16 bytes, as glibc aligns blocks, or less where blocks need it. The three words are: a bit for each
/// granule in which a block starts; one for each that a block reaches into; and how many blocks start before. That is
/// 24 bytes for 1 KiB of heap. Stretches end where the next block begins more than 1 MiB after the end of the last.
package struct BlockIndex: Sendable {
  private static let longestGap: UInt64 = 1 << 20

  /// Blocks without a wide gap in between.
  fileprivate struct Stretch: Sendable {
    /// A multiple of the granule.
    var start: UInt64
    var end: UInt64
    /// Position of its first group in `groups`.
    var firstGroup: Int
  }

  private let starts: [UInt64]
  fileprivate let ends: [UInt64]
  fileprivate let stretches: [Stretch]
  /// Starts, granules in use, and blocks before; one after the other for each 64 granules.
  fileprivate let groups: [UInt64]
  fileprivate let granuleShift: UInt64
  /// Every block lies within; what is not cannot be a reference.
  package let bounds: Range<UInt64>

  /// Ranges of live blocks in ascending order, not empty and without overlap.
  package init(blocks: [Range<UInt64>]) {
    starts = blocks.map(\.lowerBound)
    ends = blocks.map(\.upperBound)
    bounds = blocks.isEmpty ? 0..<0 : blocks[0].lowerBound..<blocks[blocks.count - 1].upperBound
    let lowestBit = blocks.reduce(16) { $0 | $1.lowerBound }.trailingZeroBitCount
    granuleShift = UInt64(lowestBit)
    var stretches: [Stretch] = []
    var groups: [UInt64] = []
    var first = 0
    while first < blocks.count {
      var last = first
      while last + 1 < blocks.count,
        blocks[last + 1].lowerBound - blocks[last].upperBound <= Self.longestGap
      { last += 1 }
      stretches.append(
        Stretch(
          start: blocks[first].lowerBound, end: blocks[last].upperBound,
          firstGroup: groups.count / 3))
      Self.append(blocks, first...last, granuleShift: granuleShift, to: &groups)
      first = last + 1
    }
    self.stretches = stretches
    self.groups = groups
  }

  private static func append(
    _ blocks: [Range<UInt64>], _ members: ClosedRange<Int>, granuleShift: UInt64,
    to groups: inout [UInt64]
  ) {
    let start = blocks[members.lowerBound].lowerBound
    let byteCount = blocks[members.upperBound].upperBound - start
    let base = groups.count
    let groupCount = Int((byteCount - 1) >> (granuleShift + 6)) + 1
    groups.append(contentsOf: repeatElement(0, count: 3 * groupCount))
    for number in members {
      let first = (blocks[number].lowerBound - start) >> granuleShift
      let last = (blocks[number].upperBound - 1 - start) >> granuleShift
      groups[base + 3 * Int(first >> 6)] |= 1 << (first & 63)
      for group in (first >> 6)...(last >> 6) {
        let low = group == first >> 6 ? first & 63 : 0
        let high = group == last >> 6 ? last & 63 : 63
        groups[base + 3 * Int(group) + 1] |= (UInt64.max << low) & (UInt64.max >> (63 - high))
      }
    }
    var before = UInt64(members.lowerBound)
    for group in 0..<groupCount {
      groups[base + 3 * group + 2] = before
      before += UInt64(groups[base + 3 * group].nonzeroBitCount)
    }
  }

  package var count: Int { starts.count }

  /// The block that holds the byte at an address, if one does.
  package func block(at address: UInt64) -> Int? {
    var cursor = Cursor(shift: granuleShift)
    return Self.find(address, &cursor, groups.span, ends.span, stretches.span)?.block
  }

  package func isStart(_ address: UInt64, of block: Int) -> Bool { starts[block] == address }

  package func range(of block: Int) -> Range<UInt64> { starts[block]..<ends[block] }

  /// Calls `body` with every aligned word of some bytes that is an address in a block: its offset, the block, and
  /// whether it is the block's own address. Words outside `bounds` are passed over with one comparison.
  @inline(__always)
  func forEachReference(
    in contents: RawSpan, _ body: (_ offset: Int, _ block: Int, _ isToStart: Bool) -> Void
  ) {
    var cursor = Cursor(shift: granuleShift)
    let (groups, ends, stretches) = (groups.span, ends.span, stretches.span)
    let low = bounds.lowerBound
    let width = bounds.upperBound - low
    var offset = 0
    while offset + 8 <= contents.byteCount {
      let word = contents.word(at: offset)
      if word &- low < width, let found = Self.find(word, &cursor, groups, ends, stretches) {
        body(offset, found.block, found.isStart)
      }
      offset += 8
    }
  }
}

extension BlockIndex {
  /// What lookups read, and the stretch that the last one was in: neighbours lie in the same one most of the time.
  private struct Cursor {
    let shift: UInt64
    var stretch = Stretch(start: 0, end: 0, firstGroup: 0)
  }

  @inline(__always)
  private static func find(
    _ address: UInt64, _ cursor: inout Cursor, _ groups: Span<UInt64>, _ ends: Span<UInt64>,
    _ stretches: Span<Stretch>
  ) -> (block: Int, isStart: Bool)? {
    if address &- cursor.stretch.start >= cursor.stretch.end &- cursor.stretch.start {
      guard let found = stretch(at: address, stretches) else { return nil }
      cursor.stretch = found
    }
    let offset = address - cursor.stretch.start
    let group = 3 * (cursor.stretch.firstGroup + Int(offset >> (cursor.shift + 6)))
    return resolve(
      offset, at: address, shift: cursor.shift, starts: groups[group], used: groups[group + 1],
      before: groups[group + 2], ends)
  }

  /// - Parameter offset: of the address in its stretch.
  @inline(__always)
  fileprivate static func resolve(
    _ offset: UInt64, at address: UInt64, shift: UInt64, starts: UInt64, used: UInt64,
    before: UInt64, _ ends: Span<UInt64>
  ) -> (block: Int, isStart: Bool)? {
    let bit = (offset >> shift) & 63
    guard used >> bit & 1 != 0 else { return nil }
    let upToHere = starts & (UInt64.max >> (63 - bit))
    let block = Int(before) + upToHere.nonzeroBitCount - 1
    if offset & (1 << shift - 1) == 0 { return (block, starts >> bit & 1 != 0) }
    // A block may end within its last granule.
    return ends[block] <= address ? nil : (block, false)
  }

  fileprivate static func stretch(at address: UInt64, _ stretches: Span<Stretch>) -> Stretch? {
    var low = 0
    var high = stretches.count
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, address < stretches[low - 1].end else { return nil }
    return stretches[low - 1]
  }
}

/// Words that may be addresses in blocks, resolved together: their groups are far apart in memory, so that all are asked
/// for before the first has arrived. That is several times faster than one after the other.
private struct WordBatch {
  static let capacity = 64

  private(set) var count = 0
  private var words = InlineArray<64, UInt64>(repeating: 0)
  /// How many blocks are before each word's, in the rows that are being made.
  private var sources = InlineArray<64, UInt64>(repeating: 0)
  private var offsets = InlineArray<64, UInt64>(repeating: 0)
  private var startBits = InlineArray<64, UInt64>(repeating: 0)
  private var usedBits = InlineArray<64, UInt64>(repeating: 0)
  private var before = InlineArray<64, UInt64>(repeating: 0)
  private var stretch = BlockIndex.Stretch(start: 0, end: 0, firstGroup: 0)

  @inline(__always)
  mutating func append(_ word: UInt64, from source: Int) {
    words[count] = word
    sources[count] = UInt64(source)
    count += 1
  }

  /// Adds the references among the words, and empties the batch.
  mutating func resolve(in index: borrowing BlockIndex, to rows: inout ReferenceRows) {
    let (groups, ends, stretches) = (index.groups.span, index.ends.span, index.stretches.span)
    let shift = index.granuleShift
    for position in 0..<count {
      let word = words[position]
      if word &- stretch.start >= stretch.end &- stretch.start {
        guard let found = BlockIndex.stretch(at: word, stretches) else {
          usedBits[position] = 0
          continue
        }
        stretch = found
      }
      let offset = word - stretch.start
      let group = 3 * (stretch.firstGroup + Int(offset >> (shift + 6)))
      offsets[position] = offset
      startBits[position] = groups[group]
      usedBits[position] = groups[group + 1]
      before[position] = groups[group + 2]
    }
    for position in 0..<count {
      guard
        let found = BlockIndex.resolve(
          offsets[position], at: words[position], shift: shift, starts: startBits[position],
          used: usedBits[position], before: before[position], ends)
      else { continue }
      rows.endBlocks(Int(sources[position]))
      rows.add(found.block, isToStart: found.isStart)
    }
    count = 0
  }
}

extension BlockIndex {
  /// Adds the references of some neighbouring blocks.
  ///
  /// - Parameter contents: of all of them and what is in between, from the start of the first.
  func addReferences(
    of members: Range<Int>, in contents: RawSpan, to rows: inout ReferenceRows
  ) {
    guard let first = members.first else { return }
    rows.beginPart()
    let (starts, ends) = (starts.span, ends.span)
    let base = starts[first]
    let low = bounds.lowerBound
    let width = bounds.upperBound - low
    var batch = WordBatch()
    for block in members {
      var offset = Int(starts[block] - base)
      let end = Int(ends[block] - base)
      while offset + 8 <= end {
        let word = contents.word(at: offset)
        offset += 8
        guard word &- low < width else { continue }
        batch.append(word, from: block - first)
        if batch.count == WordBatch.capacity { batch.resolve(in: self, to: &rows) }
      }
    }
    batch.resolve(in: self, to: &rows)
    rows.endBlocks(members.count)
  }

  /// How many words of some bytes are addresses in blocks; nil if others than that and zeros are among them.
  func referenceCount(in contents: RawSpan) -> Int? {
    var cursor = Cursor(shift: granuleShift)
    let (groups, ends, stretches) = (groups.span, ends.span, stretches.span)
    let low = bounds.lowerBound
    let width = bounds.upperBound - low
    var count = 0
    var offset = 0
    while offset + 8 <= contents.byteCount {
      let word = contents.word(at: offset)
      offset += 8
      guard word != 0 else { continue }
      guard word &- low < width, Self.find(word, &cursor, groups, ends, stretches) != nil else {
        return nil
      }
      count += 1
    }
    return count
  }
}
