/// A place in bytes from which numbers are read one after another.
///
/// Reading past `end` gives zeros and makes the cursor fail for good.
struct ByteCursor {
  private(set) var position: Int
  let end: Int
  private(set) var hasFailed = false

  /// Starts at the beginning of a part of `bytes`; what lies outside them is no part of it.
  init(_ part: Range<Int>, of bytes: RawSpan) {
    end = min(max(part.upperBound, 0), bytes.byteCount)
    position = min(max(part.lowerBound, 0), end)
  }

  var isAtEnd: Bool { position >= end }

  mutating func fail() {
    hasFailed = true
    position = end
  }

  mutating func byte(_ bytes: RawSpan) -> UInt8 { fixed(UInt8.self, bytes) }

  /// A little-endian number.
  mutating func fixed<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type,
    _ bytes: RawSpan
  ) -> Number {
    guard end - position >= MemoryLayout<Number>.size else {
      fail()
      return 0
    }
    let number = bytes.unsafeLoadUnaligned(fromByteOffset: position, as: type)
    position += MemoryLayout<Number>.size
    return Number(littleEndian: number)
  }

  /// LEB128 (DWARF 5, 7.6); bits beyond 64 are dropped.
  mutating func unsigned(_ bytes: RawSpan) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
      position += 1
      if shift < 64 { value |= UInt64(byte & 0x7f) &<< shift }
      guard byte & 0x80 != 0 else { return value }
      shift += 7
    }
    fail()
    return 0
  }

  mutating func signed(_ bytes: RawSpan) -> Int64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
      position += 1
      if shift < 64 { value |= UInt64(byte & 0x7f) &<< shift }
      shift += 7
      guard byte & 0x80 != 0 else {
        if shift < 64, byte & 0x40 != 0 { value |= .max << shift }
        return Int64(bitPattern: value)
      }
    }
    fail()
    return 0
  }

  /// Moves on without reading.
  mutating func skip(_ count: UInt64) {
    guard count <= UInt64(end - position) else { return fail() }
    position += Int(count)
  }

  /// The next `count` bytes, for reading them apart; this cursor moves behind them.
  mutating func part(_ count: UInt64, of bytes: RawSpan) -> ByteCursor {
    let start = position
    skip(count)
    return ByteCursor(start..<max(start, hasFailed ? start : position), of: bytes)
  }

  /// The offset of the next NUL from here; nil without any.
  func lengthOfString(_ bytes: RawSpan) -> Int? {
    (position..<end).firstIndex { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == 0 }
      .map { $0 - position }
  }
}
