/// A stretch of memory that is cut into chunks one behind the other, and what is known of each.
///
///     address        chunk of size s: previous size | s + flags | payload … | header of the next
///                                                   ^ the low bits: 1 previous in use, 2 mapped, 4 not the main arena
///
/// One bit for every 16 bytes tells where chunks begin; two more, which of them are free: 1 and 0 in a thread's cache,
/// 0 and 1 in a bin, 1 and 1 in a fastbin.
struct HeapSegment {
  /// Chunks begin at multiples of this.
  static let granule: UInt64 = 16

  private(set) var range: Range<UInt64>
  /// Position of its mapping in the image.
  let region: Int
  /// Position in the list of arenas.
  let arena: UInt16
  /// Where chunks end and `top` begins, if it is here.
  let top: UInt64?
  /// Behind the last chunk, the top and the fences included.
  var end: UInt64
  private(set) var starts: [UInt64]
  private(set) var cached: [UInt64]
  private(set) var binned: [UInt64]

  init(_ range: Range<UInt64>, region: Int, arena: UInt16, top: UInt64?) {
    precondition(range.lowerBound % Self.granule == 0)
    self.range = range
    self.region = region
    self.arena = arena
    self.top = top
    end = range.upperBound
    let granules = Int((range.upperBound - range.lowerBound) / Self.granule)
    starts = Array(repeating: 0, count: granules / 64 + 1)
    cached = starts
    binned = starts
  }

  /// The bit of an address inside the segment.
  @inline(__always)
  private func position(_ address: UInt64) -> (word: Int, mask: UInt64) {
    let granule = Int((address &- range.lowerBound) / Self.granule)
    return (granule >> 6, 1 << UInt64(granule & 63))
  }

  mutating func markStart(_ address: UInt64) {
    let (word, mask) = position(address)
    starts[word] |= mask
  }

  /// Whether a chunk begins here.
  func isStart(_ address: UInt64) -> Bool {
    guard range.contains(address), address % Self.granule == 0 else { return false }
    let (word, mask) = position(address)
    return starts[word] & mask != 0
  }

  /// Nil for a chunk that the program holds, as far as is known.
  func freeKind(_ address: UInt64) -> FreeChunk.Kind? {
    let (word, mask) = position(address)
    let isBinned = binned[word] & mask != 0
    if cached[word] & mask != 0 { return isBinned ? .fast : .cached }
    return isBinned ? .binned : nil
  }

  /// False if no chunk begins here, or if it is known to be free already.
  mutating func markFree(_ address: UInt64, _ kind: FreeChunk.Kind) -> Bool {
    guard isStart(address), freeKind(address) == nil else { return false }
    let (word, mask) = position(address)
    if kind == .cached || kind == .fast { cached[word] |= mask }
    if kind == .binned || kind == .fast { binned[word] |= mask }
    return true
  }

  /// Leaves what is behind the end to others.
  mutating func cutOff() {
    range = range.lowerBound..<max(end, range.lowerBound + 1)
    let words = Int((range.upperBound - range.lowerBound) / Self.granule) / 64 + 1
    starts.removeLast(starts.count - words)
    cached = Array(repeating: 0, count: words)
    binned = cached
  }

  /// Calls `body` with the address of every chunk, ascending.
  @inline(__always)
  func forEachStart(_ body: (UInt64) -> Void) {
    for (index, word) in starts.enumerated() where word != 0 {
      var rest = word
      let base = range.lowerBound + UInt64(index) * 64 * Self.granule
      while rest != 0 {
        body(base + UInt64(rest.trailingZeroBitCount) * Self.granule)
        rest &= rest - 1
      }
    }
  }
}
