import Processes

/// A block with a mapping of its own.
///
///     start of the mapping        header           block
///     | offset (memalign) …       | offset | size  | …                      |
struct MappedChunk: Hashable {
  /// Of its header.
  var address: UInt64
  /// From the header to the end of the mapping.
  var byteCount: UInt64
  /// From the start of the mapping to the header.
  var offset: UInt64
}

extension GlibcWalk {
  /// Where headers are in their first page: memalign(3) moves them to 16 bytes before a power of two.
  private static let headerOffsets: [UInt64] = [
    0, 0x10, 0x30, 0x70, 0xF0, 0x1F0, 0x3F0, 0x7F0, 0xFF0,
  ]

  /// Looks at the start of every page that was written, outside of arenas; skips over what it finds.
  mutating func findMappedChunks() {
    let expected = mappedCount
    guard expected != 0 else { return }
    for region in image.regions where region.isAnonymous && !region.mapping.isHeap {
      var next = region.mapping.start
      for run in region.written {
        var page = max(run.lowerBound, next)
        while page < run.upperBound {
          var end = page + PagePresence.pageByteCount
          if let segment = segmentIndex(at: page) {
            end = max(end, segments[segment].end)
          } else if let chunk = mappedChunk(
            in: page, of: region.mapping.start..<region.mapping.end)
          {
            mappedChunks.append(chunk)
            mappedByteCount += chunk.offset + chunk.byteCount
            end = chunk.address + chunk.byteCount
          }
          page = (end + PagePresence.pageByteCount - 1) & ~(PagePresence.pageByteCount - 1)
          next = page
        }
      }
    }
    mappedChunks.sort { $0.address < $1.address }
  }

  /// What `mp_` says of their number; nil where that is not known.
  var mappedCount: Int? {
    let address = anchors.parameters.map { $0 + UInt64(layout.mappedCount) }
    guard let address, let word = image.word(at: address & ~7) else { return nil }
    return Int(UInt32(truncatingIfNeeded: word >> (address % 8 * 8)))
  }

  private mutating func mappedChunk(in page: UInt64, of region: Range<UInt64>) -> MappedChunk? {
    for offset in Self.headerOffsets {
      guard let chunk = header(at: page + offset) else { continue }
      guard chunk.address - region.lowerBound >= chunk.offset,
        (chunk.address - chunk.offset) % 4096 == 0, (chunk.offset == 0) == (offset == 0),
        (chunk.offset + chunk.byteCount) % 4096 == 0,
        chunk.byteCount <= region.upperBound - chunk.address
      else { continue }
      return chunk.offset == 0 ? shifted(chunk) ?? chunk : chunk
    }
    return nil
  }

  private mutating func header(at address: UInt64) -> MappedChunk? {
    guard let offset = word(at: address), let size = word(at: address + 8),
      size & 7 == ChunkChain.isMapped, offset < 1 << 40, size < 1 << 47
    else { return nil }
    let chunk =
      layout.hasShortMappedSizes
      ? MappedChunk(address: address, byteCount: (size & ~7) + 16, offset: offset & ~1)
      : MappedChunk(address: address, byteCount: size & ~7, offset: offset)
    // Such a block has more than a page, or it would not have one of its own; its start may be moved far into it.
    return chunk.byteCount + chunk.offset >= 4096 ? chunk : nil
  }

  /// memalign(3) leaves the header at the mapping's start: the true one is behind it, and speaks of the same mapping.
  private mutating func shifted(_ chunk: MappedChunk) -> MappedChunk? {
    var alignment: UInt64 = 32
    while alignment < chunk.byteCount {
      let address = chunk.address + alignment - 16
      if let other = header(at: address), other.offset == alignment - 16,
        other.offset + other.byteCount == chunk.byteCount
      {
        return other
      }
      alignment *= 2
    }
    return nil
  }
}
