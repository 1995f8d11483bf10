/// Where a process has the structures of malloc, found without symbols.
struct GlibcAnchors {
  /// All arenas, the main one first.
  let arenas: [UInt64]
  /// `mp_`.
  let parameters: UInt64?

  var mainArena: UInt64 { arenas[0] }

  /// No process has more arenas; the ring of a damaged one may not close.
  private static let arenaLimit = 1 << 14

  init?(in image: ProcessImage, of module: GlibcModule) {
    let layout = module.layout
    guard let main = Self.mainArena(in: image, of: module) else { return nil }
    var arenas = [main]
    var known: Set<UInt64> = [main]
    while arenas.count < Self.arenaLimit,
      let next = image.word(at: arenas[arenas.count - 1] &+ UInt64(layout.next)),
      image.word(at: next &+ UInt64(layout.arenaByteCount - 8)) != nil, known.insert(next).inserted
    {
      arenas.append(next)
    }
    self.arenas = arenas
    parameters = module.parameters
  }

  /// An empty bin points to itself, and most of 127 bins are empty even in busy heaps: nothing else in libc's data
  /// looks like that and is followed by the ring of arenas and by two sums of which the second is no smaller.
  private static func mainArena(in image: ProcessImage, of module: GlibcModule) -> UInt64? {
    let layout = module.layout
    var best: (address: UInt64, emptyBins: Int)?
    for range in module.dataRanges {
      var address = range.lowerBound
      let last = range.upperBound
      while address + UInt64(layout.arenaByteCount) <= last {
        if let empty = emptyBins(of: address, in: image, layout), empty > best?.emptyBins ?? 0 {
          best = (address, empty)
        }
        address += 8
      }
    }
    return best?.address
  }

  /// How many bins of what may be an arena are empty; nil if it is none.
  private static func emptyBins(
    of arena: UInt64, in image: ProcessImage, _ layout: GlibcLayout
  ) -> Int? {
    guard let system = image.word(at: arena + UInt64(layout.systemMemory)),
      let maximum = image.word(at: arena + UInt64(layout.maximumSystemMemory)), system <= maximum,
      let next = image.word(at: arena + UInt64(layout.next)), next != 0, next % 8 == 0
    else { return nil }
    var empty = 0
    for bin in 0..<GlibcLayout.binCount {
      let links = arena + UInt64(layout.bins + 16 * bin)
      guard let first = image.word(at: links), let last = image.word(at: links + 8) else {
        return nil
      }
      if first == links - 16, last == first {
        empty += 1
      } else if first == 0 || first % 16 != 0 || last == 0 || last % 16 != 0 {
        // What is not empty leads to chunks.
        return nil
      }
    }
    guard image.regionIndex(at: next) != nil else { return nil }
    return empty
  }
}
