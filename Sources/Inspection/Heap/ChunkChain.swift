/// Follows chunks from header to header through the bytes of a mapping.
struct ChunkChain {
  /// How a chain ends.
  enum Ending: Hashable {
    /// At the top of its arena.
    case top
    /// At the two headers of 16 bytes that malloc leaves where its memory ended once.
    case fence
    /// At the end of the memory that is known to be the heap's.
    case limit
    /// At a header that is none.
    case broken
  }

  /// Address of the first byte of the bytes that are passed to the functions below.
  let base: UInt64
  /// Chunks end here at the latest.
  let limit: UInt64
  let top: UInt64
  /// Flags that no header here has. In an arena that is not the main one free chunks lose "not the main arena".
  let forbidden: UInt64

  static let previousInUse: UInt64 = 1
  static let isMapped: UInt64 = 2
  static let isNotMain: UInt64 = 4
  static let leastByteCount: UInt64 = 0x20

  /// The size of the chunk at an address; nil where there is none.
  @inline(__always)
  func byteCount(at address: UInt64, in bytes: borrowing RawSpan) -> UInt64? {
    guard address &+ 16 <= limit else { return nil }
    let header = bytes.word(at: Int(address &- base) + 8)
    let size = header & ~7
    guard size >= Self.leastByteCount, size & 8 == 0, size <= limit &- address,
      header & forbidden == 0
    else { return nil }
    return size
  }

  /// Whether malloc's memory ended here once.
  func isFence(at address: UInt64, in bytes: borrowing RawSpan) -> Bool {
    guard address &+ 16 <= limit else { return false }
    return bytes.word(at: Int(address &- base) + 8) & ~7 == 0x10
  }

  /// Follows the chain, at most `steps` long: where it ends and how.
  func follow(
    from start: UInt64, steps: Int = .max, in bytes: borrowing RawSpan, _ body: (UInt64) -> Void
  ) -> (end: UInt64, ending: Ending) {
    var address = start
    var left = steps
    while left > 0 {
      if address == top { return (address, .top) }
      guard address &+ 16 <= limit else { return (address, .limit) }
      guard let size = byteCount(at: address, in: bytes) else {
        return (address, isFence(at: address, in: bytes) ? .fence : .broken)
      }
      body(address)
      address &+= size
      left -= 1
    }
    return (address, .limit)
  }

  /// The first place behind damage from which a chain leads to the top, to a fence, or far enough to be none by chance.
  func resynchronize(behind damage: UInt64, in bytes: borrowing RawSpan) -> UInt64? {
    var address = damage &+ HeapSegment.granule
    while address &+ Self.leastByteCount <= limit {
      if address == top { return address }
      if byteCount(at: address, in: bytes) != nil {
        let (_, ending) = follow(from: address, steps: Self.convincingLength, in: bytes) { _ in }
        if ending != .broken { return address }
      }
      address &+= HeapSegment.granule
    }
    return nil
  }

  /// Chunks in a row that random bytes do not make.
  private static let convincingLength = 32
}
