import Processes

extension GlibcWalk {
  /// Writes down all blocks and all that is free, by address.
  mutating func collect() {
    var mapped = mappedChunks[...]
    for index in segments.indices {
      collectMapped(&mapped, below: segments[index].range.lowerBound)
      collectSegment(index)
    }
    collectMapped(&mapped, below: .max)
    walk.heapRanges =
      (segments.map { $0.range.lowerBound..<$0.end }
      + mappedChunks.map { $0.address - $0.offset..<$0.address + $0.byteCount })
      .sorted { $0.lowerBound < $1.lowerBound }
  }

  private mutating func collectMapped(_ chunks: inout ArraySlice<MappedChunk>, below limit: UInt64)
  {
    while let chunk = chunks.first, chunk.address < limit {
      chunks.removeFirst()
      if cachedMappings.contains(chunk.address) {
        walk.freeChunks.append(
          FreeChunk(
            address: chunk.address, byteCount: chunk.byteCount, kind: .cached,
            arena: HeapBlock.mapped))
      } else {
        walk.blocks.append(
          HeapBlock(
            address: chunk.address + 16,
            byteCount: chunk.byteCount - 16 - UInt64(layout.hasShortMappedSizes ? 8 : 0),
            arena: HeapBlock.mapped))
      }
    }
  }

  /// A chunk's successor knows whether it is in use; those in caches and fastbins pass for used.
  private mutating func collectSegment(_ index: Int) {
    let segment = segments[index]
    let start = image.regions[segment.region].mapping.start
    let cacheSizes = layout.cacheChunkByteCounts
    let caches = cacheChunks
    var blocks = walk.blocks
    var free = walk.freeChunks
    walk.blocks = []
    walk.freeChunks = []
    var disagreements = 0
    let regionEnd = image.regions[segment.region].mapping.end
    _ = image.withBytes(of: start..<regionEnd) { bytes in
      segment.forEachStart { chunk in
        let size = bytes.word(at: Int(chunk &- start) + 8) & ~7
        let behind = chunk &+ size
        let isUsed =
          behind &+ 16 > regionEnd
          || bytes.word(at: Int(behind &- start) + 8) & ChunkChain.previousInUse != 0
        let kind = segment.freeKind(chunk)
        if isUsed == (kind == .binned) { disagreements += 1 }
        if let kind = kind ?? (isUsed ? nil : .binned) {
          free.append(
            FreeChunk(address: chunk, byteCount: size, kind: kind, arena: segment.arena))
        } else if !cacheSizes.contains(size) || !caches.contains(chunk) {
          blocks.append(
            HeapBlock(address: chunk &+ 16, byteCount: size &- 8, arena: segment.arena))
        }
      }
    }
    if let top = segment.top, top < segment.end {
      free.append(
        FreeChunk(
          address: top, byteCount: segment.end - top, kind: .top, arena: segment.arena))
    }
    walk.blocks = blocks
    walk.freeChunks = free
    disagreementCount += disagreements
  }

  /// Compares what was found with what malloc counts itself.
  mutating func check() {
    let system = walk.arenas[0].systemByteCount
    add(
      "coverage", mainByteCount == system, "\(mainByteCount) of \(system) bytes of the main arena")
    let others = walk.arenas.indices.dropFirst().filter { arena in
      let found = segments.reduce(0) {
        $1.arena == UInt16(clamping: arena)
          ? $0 + UInt64($1.end - $1.range.lowerBound & ~4095) : $0
      }
      return found > walk.arenas[arena].systemByteCount || found == 0
    }
    add(
      "arenas", others.isEmpty, "\(others.count) of \(walk.arenas.count) arenas do not add up")
    add("lists", listErrorCount == 0, "\(listErrorCount) members of free lists are no free chunks")
    add(
      "neighbours", disagreementCount == 0,
      "\(disagreementCount) chunks are free for one neighbour only")
    if let count = mappedCount, let bytes = parameter(layout.mappedByteCount) {
      // Since 2.43 mremap lets the sum drift by multiples of 16; the number stays exact.
      add(
        "mappings",
        count == mappedChunks.count && (bytes == mappedByteCount || layout.hasShortMappedSizes),
        "\(mappedChunks.count) of \(count) mapped blocks, \(mappedByteCount) of \(bytes) bytes")
    } else {
      add("mappings", false, "how many there are is not known")
    }
    add(
      "caches", !image.threads.isEmpty,
      "\(cacheChunks.count) caches of \(image.threads.count) threads")
    add("damage", walk.damageCount == 0, "\(walk.damageCount) damaged places")
    if image.unreadablePageCount > 0 {
      add("pages", false, "\(image.unreadablePageCount) pages could not be read")
    }
  }

  private mutating func add(_ name: String, _ isOK: Bool, _ detail: String) {
    walk.checks.append(HeapCheck(name: name, isOK: isOK, detail: detail))
  }
}
