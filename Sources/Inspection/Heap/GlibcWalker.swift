import AllocationModel

/// Finds every block of glibc's malloc in an image.
///
/// 1. The arenas form a ring that begins in libc's data (`GlibcAnchors`).
/// 2. Each arena's memory is cut into chunks without gaps: chains of headers (`ChunkChain`) give all chunks.
/// 3. Free are those in bins, whose neighbours know it, and those in fastbins and in the threads' caches, which look
///    like blocks from outside.
/// 4. Large blocks have mappings of their own, listed nowhere: their headers are looked for at the starts of pages.
/// 5. What malloc keeps in blocks of its own, the caches, is taken away. The rest is what the program holds.
package struct GlibcWalker: HeapWalker {
  let module: GlibcModule

  package init(_ module: GlibcModule) {
    self.module = module
  }

  package func walk(_ image: ProcessImage) throws(InspectionError) -> HeapWalk {
    guard let anchors = GlibcAnchors(in: image, of: module) else {
      throw .unknownAllocator(
        pid: image.pid, detail: "no arena is in use in its glibc \(module.layout.version)")
    }
    var progress = GlibcWalk(image: image, layout: module.layout, anchors: anchors)
    progress.findSegments()
    progress.readFreeLists()
    progress.readCaches()
    progress.findMappedChunks()
    progress.collect()
    progress.forecastTrim()
    progress.check()
    return progress.walk
  }
}

/// A walk that is under way.
struct GlibcWalk {
  let image: ProcessImage
  let layout: GlibcLayout
  let anchors: GlibcAnchors
  var walk: HeapWalk

  /// Ascending by address.
  var segments: [HeapSegment] = []
  /// Chunks that threads' caches are in.
  var cacheChunks: Set<UInt64> = []
  /// Mapped chunks that are in a cache; since 2.42.
  var cachedMappings: Set<UInt64> = []
  /// Ascending by address.
  var mappedChunks: [MappedChunk] = []
  /// Bytes that malloc mapped for them.
  var mappedByteCount: UInt64 = 0
  /// Bytes from where the break was at first to the first chunk, < 16: the loader may move the break before malloc does.
  var unalignedByteCount: UInt64 = 0
  /// Members of lists that are no chunks, or that are free twice.
  var listErrorCount = 0
  /// Chunks whose neighbour says otherwise than the bins.
  var disagreementCount = 0

  private var lastRegion = 0
  private var lastSegment = 0

  init(image: ProcessImage, layout: GlibcLayout, anchors: GlibcAnchors) {
    self.image = image
    self.layout = layout
    self.anchors = anchors
    walk = HeapWalk(allocator: "glibc \(layout.version)")
    for (index, arena) in anchors.arenas.enumerated() {
      walk.arenas.append(
        HeapArena(
          address: arena, systemByteCount: image.word(at: arena + UInt64(layout.systemMemory)) ?? 0,
          isMain: index == 0))
      walk.allocatorRanges.append(arena..<arena + UInt64(layout.arenaByteCount))
    }
  }

  /// A word of the image; neighbours are found faster.
  mutating func word(at address: UInt64) -> UInt64? {
    if let word = image.word(at: address, in: lastRegion) { return word }
    guard let region = image.regionIndex(at: address) else { return nil }
    lastRegion = region
    return image.word(at: address, in: region)
  }

  /// The segment in which an address is.
  mutating func segmentIndex(at address: UInt64) -> Int? {
    if lastSegment < segments.count, segments[lastSegment].range.contains(address) {
      return lastSegment
    }
    let low = segments.endOfPrefix { $0.range.upperBound <= address }
    guard low < segments.count, segments[low].range.contains(address) else { return nil }
    lastSegment = low
    return low
  }

  /// The top of an arena.
  func top(of arena: UInt64) -> UInt64 { image.word(at: arena + UInt64(layout.top)) ?? 0 }

  /// A field of `mp_`.
  func parameter(_ offset: Int) -> UInt64? {
    anchors.parameters.flatMap { image.word(at: $0 + UInt64(offset)) }
  }
}
