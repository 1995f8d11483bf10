/// Which block an address lies in: a table of granules for each dense stretch of blocks, so that a word is resolved
/// in constant time.
///
/// A granule of 512 bytes holds the starts of at most 16 blocks of glibc (32 bytes is its smallest chunk), and costs
/// 4 bytes: 1/128 of the heap. Stretches end where the next block begins more than 1 MiB after the end of the last.
package struct BlockIndex: Sendable {
  private static let granuleShift: UInt64 = 9
  private static let longestGap: UInt64 = 1 << 20

  /// Blocks without a wide gap in between, and the first block that ends after the start of each granule.
  private struct Stretch: Sendable {
    var start: UInt64
    var end: UInt64
    var firstBlocks: [UInt32]
  }

  private let starts: [UInt64]
  private let ends: [UInt64]
  private let stretches: [Stretch]
  /// Every block lies within; what is not cannot be a reference.
  package let bounds: Range<UInt64>

  /// Ranges of live blocks in ascending order, not empty and without overlap.
  package init(blocks: [Range<UInt64>]) {
    starts = blocks.map(\.lowerBound)
    ends = blocks.map(\.upperBound)
    bounds = blocks.isEmpty ? 0..<0 : blocks[0].lowerBound..<blocks[blocks.count - 1].upperBound
    var stretches: [Stretch] = []
    var first = 0
    while first < blocks.count {
      var last = first
      while last + 1 < blocks.count,
        blocks[last + 1].lowerBound - blocks[last].upperBound <= Self.longestGap
      { last += 1 }
      stretches.append(Self.stretch(of: blocks, first...last))
      first = last + 1
    }
    self.stretches = stretches
  }

  private static func stretch(of blocks: [Range<UInt64>], _ members: ClosedRange<Int>) -> Stretch {
    let start = blocks[members.lowerBound].lowerBound
    let end = blocks[members.upperBound].upperBound
    let granuleCount = Int((end - start - 1) >> granuleShift) + 1
    var firstBlocks = [UInt32](repeating: 0, count: granuleCount)
    var block = members.lowerBound
    for granule in 0..<granuleCount {
      let granuleStart = start + UInt64(granule) << granuleShift
      while blocks[block].upperBound <= granuleStart { block += 1 }
      firstBlocks[granule] = UInt32(block)
    }
    return Stretch(start: start, end: end, firstBlocks: firstBlocks)
  }

  package var count: Int { starts.count }

  /// The block that holds the byte at an address, if one does.
  package func block(at address: UInt64) -> Int? {
    guard bounds.contains(address), let stretch = stretch(at: address) else { return nil }
    var block = Int(stretch.firstBlocks[Int((address - stretch.start) >> Self.granuleShift)])
    while ends[block] <= address { block += 1 }
    return starts[block] <= address ? block : nil
  }

  package func isStart(_ address: UInt64, of block: Int) -> Bool { starts[block] == address }

  private func stretch(at address: UInt64) -> Stretch? {
    var low = 0
    var high = stretches.count
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, address < stretches[low - 1].end else { return nil }
    return stretches[low - 1]
  }

  /// References held by one block whose contents are given: every aligned word that is an address in a block.
  /// Words outside `bounds` are passed over with one comparison.
  package func appendReferences(
    from source: Int, contents: RawSpan, to references: inout [Reference]
  ) {
    let width = bounds.upperBound - bounds.lowerBound
    var offset = 0
    while offset + 8 <= contents.byteCount {
      let word = contents.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
      offset += 8
      guard word &- bounds.lowerBound < width, let destination = block(at: word) else { continue }
      references.append(
        Reference(
          source: Int32(source), destination: Int32(destination),
          isToStart: isStart(word, of: destination)))
    }
  }
}
