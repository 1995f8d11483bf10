/// Where glibc's malloc keeps what, on x86-64; from malloc/malloc.c and malloc/arena.c of each release.
///
///     struct malloc_state        2.26   2.27-2.42   2.43
///       flags                       4           4      4
///       fastbinsY[10]               8          16      –
///       top                        88          96      8
///       bins[254]                 104         112     24
///       next                     2152        2160   2072
///       system_mem               2176        2184   2096
///       max_system_mem           2184        2192   2104
package struct GlibcLayout: Hashable, Sendable {
  package struct Version: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var major: Int
    package var minor: Int

    package init(_ major: Int, _ minor: Int) {
      self.major = major
      self.minor = minor
    }

    package static func < (one: Self, other: Self) -> Bool {
      (one.major, one.minor) < (other.major, other.minor)
    }

    package var description: String { "\(major).\(minor)" }
  }

  package let version: Version

  // struct malloc_state, offsets in bytes.
  let flags = 4
  /// Nil since 2.43, which has no fastbins.
  let fastBins: Int?
  let top: Int
  let bins: Int
  let next: Int
  let systemMemory: Int
  let maximumSystemMemory: Int
  let arenaByteCount: Int

  // struct malloc_par mp_, offsets in bytes.
  let mappedCount: Int
  let mappedByteCount: Int
  let breakBase: Int
  /// Nil before 2.35, which does not know of huge pages.
  let hugePageByteCount: Int?

  /// Of struct heap_info at the start of a heap that is not of the main arena.
  let heapHeaderByteCount: Int

  // struct tcache_perthread_struct.
  let cacheBinCount: Int
  /// Bytes of one element of `counts`.
  let cacheCountByteCount: Int
  /// Since 2.42 the counters tell how many more fit, and bins from 64 on hold chunks of several sizes.
  let cacheCountsDown: Bool
  /// Pointers between cached chunks are XORed with their own address >> 12 (2.32, "safe linking").
  let manglesPointers: Bool
  /// The header of a mapped chunk counts without itself, and has a flag in its offset; malloc_usable_size(3) leaves out
  /// eight bytes at the end, as of other chunks (2.43).
  let hasShortMappedSizes: Bool

  static let fastBinCount = 10
  static let binCount = 127
  /// The range of versions whose structures are known; later ones are read like the last.
  static let known = Version(2, 26)...Version(2, 43)

  package init?(_ version: Version) {
    guard version >= Self.known.lowerBound, version <= Self.known.upperBound else { return nil }
    self.version = version
    let hasFastBins = version < Version(2, 43)
    let firstField = version < Version(2, 27) ? 8 : 16
    fastBins = hasFastBins ? firstField : nil
    top = hasFastBins ? firstField + 8 * Self.fastBinCount : 8
    bins = top + 16
    next = bins + 254 * 8 + 16
    systemMemory = next + 24
    maximumSystemMemory = next + 32
    arenaByteCount = next + 40
    switch version {
    case ..<Version(2, 35): (mappedCount, mappedByteCount, breakBase) = (40, 56, 72)
    case ..<Version(2, 43): (mappedCount, mappedByteCount, breakBase) = (60, 80, 96)
    default: (mappedCount, mappedByteCount, breakBase) = (68, 88, 104)
    }
    hugePageByteCount =
      version < Version(2, 35) ? nil : version < Version(2, 43) ? 40 : 48
    heapHeaderByteCount = version < Version(2, 35) ? 32 : 48
    cacheBinCount = version < Version(2, 42) ? 64 : 76
    cacheCountByteCount = version < Version(2, 30) ? 1 : 2
    cacheCountsDown = version >= Version(2, 42)
    manglesPointers = version >= Version(2, 32)
    hasShortMappedSizes = version >= Version(2, 43)
  }

  /// Of struct tcache_perthread_struct.
  var cacheByteCount: Int { cacheBinCount * (cacheCountByteCount + 8) }

  /// How large the chunk of a cache may be: 16 bytes more where what was left would have been too small to be cut off. Of
  /// 2.43 chunks were seen that are larger by another 16.
  var cacheChunkByteCounts: ClosedRange<UInt64> {
    let least = Self.chunkByteCount(for: cacheByteCount)
    return least...least + (cacheCountsDown ? 32 : 16)
  }

  /// The chunk that malloc cuts for a request.
  static func chunkByteCount(for requested: Int) -> UInt64 {
    max(0x20, (UInt64(requested) + 8 + 15) & ~15)
  }

  /// A stored pointer to the next cached chunk; `position` is where it is stored.
  func reveal(_ stored: UInt64, at position: UInt64) -> UInt64 {
    manglesPointers ? position >> 12 ^ stored : stored
  }
}
