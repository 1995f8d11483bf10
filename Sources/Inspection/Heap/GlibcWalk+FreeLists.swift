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
    var chunk = word(at: head) ?? 0
    while chunk != 0 {
      guard mark(chunk, .fast, in: "a fastbin"), let stored = word(at: chunk + 16) else { return }
      chunk = layout.reveal(stored, at: chunk + 16)
    }
  }

  /// A ring through the bin's own two links, which are taken for those of a chunk 16 bytes before.
  private mutating func readBin(_ links: UInt64) {
    let head = links - 16
    var previous = head
    var chunk = word(at: links) ?? head
    while chunk != head {
      guard mark(chunk, .binned, in: "a bin"), let next = word(at: chunk + 16) else { return }
      if word(at: chunk + 24) != previous {
        listErrorCount += 1
        walk.report(chunk, "a free chunk does not point back to the one before it in its bin")
      }
      previous = chunk
      chunk = next
    }
  }

  /// False, and reported, if no chunk begins there or if it is free already: lists that end so are not followed on.
  mutating func mark(_ chunk: UInt64, _ kind: FreeChunk.Kind, in list: String) -> Bool {
    if let segment = segmentIndex(at: chunk), segments[segment].markFree(chunk, kind) {
      return true
    }
    listErrorCount += 1
    walk.report(chunk, "\(list) leads here, where no chunk begins or one that is free already")
    return false
  }
}
