import LinuxSystem

/// One thread's cache of chunks (tcache).
private struct ThreadCache {
  /// The chunk it is in.
  var chunk: UInt64
  /// What it holds.
  var members: [UInt64]
}

extension GlibcWalk {
  /// How far below a thread's control block its pointer to the cache may be, bytes. It is a thread-local variable of libc,
  /// behind those of the executable.
  private static let reach: UInt64 = 1 << 18

  /// Finds the caches of all threads and marks what is in them.
  ///
  /// A block may look like an empty cache by chance, and a thread-local variable may point to it. But libc's variable is
  /// at the same distance from the control block in every thread: that distance wins at which most threads have
  /// caches, less those that have a pointer to another block there.
  mutating func readCaches() {
    let pointers = image.threads.map(\.registers.threadPointer).filter { $0 != 0 && $0 % 8 == 0 }
    for cache in mostLikelyCaches(pointers) {
      cacheChunks.insert(cache.chunk)
      let size = (word(at: cache.chunk + 8) ?? 0) & ~7
      walk.allocatorRanges.append(cache.chunk..<cache.chunk + size)
      for member in cache.members {
        if segmentIndex(at: member) == nil {
          cachedMappings.insert(member)
        } else {
          _ = mark(member, .cached, in: "a thread's cache")
        }
      }
    }
  }

  private mutating func mostLikelyCaches(_ pointers: [UInt64]) -> [ThreadCache] {
    var known: [UInt64: ThreadCache?] = [:]
    var cachesByDistance: [UInt64: [ThreadCache]] = [:]
    var othersByDistance: [UInt64: Int] = [:]
    for pointer in pointers where pointer > Self.reach {
      var distance: UInt64 = 8
      while distance <= Self.reach, let target = word(at: pointer - distance) {
        if target % 16 == 0, segmentIndex(at: target) != nil {
          let cache: ThreadCache?
          if let seen = known[target] {
            cache = seen
          } else {
            cache = threadCache(at: target)
            known[target] = cache
          }
          if let cache {
            cachesByDistance[distance, default: []].append(cache)
          } else {
            othersByDistance[distance, default: 0] += 1
          }
        }
        distance += 8
      }
    }
    // A cache is most often the first that its arena gave.
    let firstChunks = Set(segments.map(\.range.lowerBound))
    func weight(_ distance: UInt64, _ caches: [ThreadCache]) -> (Int, Int, Int) {
      (
        Set(caches.map(\.chunk)).count - (othersByDistance[distance] ?? 0),
        caches.reduce(0) { $0 + $1.members.count },
        caches.count { firstChunks.contains($0.chunk) }
      )
    }
    // Stacks lie below: what is nearest is most likely a variable.
    return cachesByDistance.max { one, other in
      let (first, second) = (weight(one.key, one.value), weight(other.key, other.value))
      return first == second ? one.key > other.key : first < second
    }?.value ?? []
  }

  /// The cache in the block at an address; nil if it is none.
  private mutating func threadCache(at block: UInt64) -> ThreadCache? {
    let chunk = block - 16
    guard let segment = segmentIndex(at: chunk), segments[segment].isStart(chunk),
      segments[segment].freeKind(chunk) == nil, let header = word(at: chunk + 8),
      layout.cacheChunkByteCounts.contains(header & ~7)
    else { return nil }
    var members: [UInt64] = []
    var seen: Set<UInt64> = []
    var slots: Int?
    let entries = block + UInt64(layout.cacheBinCount * layout.cacheCountByteCount)
    for bin in 0..<layout.cacheBinCount {
      let count = cacheCount(of: bin, at: block)
      guard var entry = word(at: entries + UInt64(8 * bin)) else { return nil }
      var length = 0
      while entry != 0 {
        guard entry % 16 == 0, seen.insert(entry).inserted, isMember(entry - 16, of: bin),
          let stored = word(at: entry)
        else { return nil }
        members.append(entry - 16)
        length += 1
        entry = layout.reveal(stored, at: entry)
      }
      guard layout.cacheCountsDown else {
        guard length == count else { return nil }
        continue
      }
      // What is in a bin and what still fits is as much in all of them, and with room for nothing no cache is made.
      guard length + count > 0, slots == nil || slots == length + count else { return nil }
      slots = length + count
    }
    return ThreadCache(chunk: chunk, members: members)
  }

  private mutating func cacheCount(of bin: Int, at block: UInt64) -> Int {
    let offset = bin * layout.cacheCountByteCount
    let word = word(at: block + UInt64(offset & ~7)) ?? 0
    let bits = UInt64(layout.cacheCountByteCount * 8)
    return Int(word >> UInt64((offset & 7) * 8) & ((1 << bits) - 1))
  }

  /// Each of the first 64 bins holds chunks of one size.
  private mutating func isMember(_ chunk: UInt64, of bin: Int) -> Bool {
    guard let header = word(at: chunk + 8) else { return false }
    guard let segment = segmentIndex(at: chunk) else {
      return bin >= 64 && header & ChunkChain.isMapped != 0
    }
    return segments[segment].isStart(chunk) && (bin >= 64 || header & ~7 == UInt64(bin + 2) * 16)
  }
}
