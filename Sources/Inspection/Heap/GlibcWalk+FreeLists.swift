import LinuxSystem
import Processes

extension GlibcWalk {
  /// Marks what is in the fastbins and bins of every arena.
  mutating func readFreeLists() {
    for arena in anchors.arenas {
      if let fastBins = layout.fastBins {
        for bin in 0..<GlibcLayout.fastBinCount { readFastBin(arena + UInt64(fastBins + 8 * bin)) }
      }
      for bin in 0..<GlibcLayout.binCount { readBin(arena + UInt64(layout.bins + 16 * bin)) }
    }
  }

  /// A list that ends with nil, linked from chunk to chunk.
  private mutating func readFastBin(_ head: UInt64) {
    let layout = layout
    var chunk = word(at: head) ?? 0
    while chunk != 0 {
      let isList = withSegment(at: chunk) { segment, bytes, base in
        while segment.range.contains(chunk) {
          guard segment.markFree(chunk, .fast) else { return false }
          chunk = layout.reveal(bytes.word(at: Int(chunk &- base) + 16), at: chunk &+ 16)
        }
        return true
      }
      guard isList == true else { return reportStray(chunk, in: "a fastbin") }
    }
  }

  /// A ring through the bin's own two links, which are taken for those of a chunk 16 bytes before.
  private mutating func readBin(_ links: UInt64) {
    let head = links - 16
    var previous = head
    var chunk = word(at: links) ?? head
    while chunk != head {
      var broken: [UInt64] = []
      let isList = withSegment(at: chunk) { segment, bytes, base in
        while segment.range.contains(chunk) {
          guard segment.markFree(chunk, .binned) else { return false }
          let offset = Int(chunk &- base)
          if bytes.word(at: offset + 24) != previous { broken.append(chunk) }
          previous = chunk
          chunk = bytes.word(at: offset + 16)
        }
        return true
      }
      for chunk in broken {
        listErrorCount += 1
        walk.report(chunk, "a free chunk does not point back to the one before it in its bin")
      }
      guard isList == true else { return reportStray(chunk, in: "a bin") }
    }
  }

  /// Calls `body` with the segment that an address is in, the bytes of its mapping, and where that begins; nil if there
  /// is none. Lists mostly stay in one, so that it is looked up once and not for every chunk.
  private mutating func withSegment<Result>(
    at address: UInt64, _ body: (inout HeapSegment, RawSpan, UInt64) -> Result
  ) -> Result? {
    guard let index = segmentIndex(at: address) else { return nil }
    let mapping = image.regions[segments[index].region].mapping
    return image.withBytes(of: mapping.start..<mapping.end) { bytes in
      body(&segments[index], bytes, mapping.start)
    }
  }

  /// False, and reported, if no chunk begins there or if it is free already: lists that end so are not followed on.
  mutating func mark(_ chunk: UInt64, _ kind: FreeChunk.Kind, in list: String) -> Bool {
    if let segment = segmentIndex(at: chunk), segments[segment].markFree(chunk, kind) {
      return true
    }
    reportStray(chunk, in: list)
    return false
  }

  private mutating func reportStray(_ chunk: UInt64, in list: String) {
    listErrorCount += 1
    walk.report(chunk, "\(list) leads here, where no chunk begins or one that is free already")
  }
}
