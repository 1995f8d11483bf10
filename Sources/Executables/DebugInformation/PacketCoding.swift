/// Writes the fields of a packet: numbers little-endian, strings after their length in bytes, optional fields after a
/// byte that says whether they are there.
package struct PacketWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  /// A number in as many bytes as it needs, seven bits in each, least significant first (ULEB128).
  package mutating func put(short value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// A string of more than `limit` bytes loses its middle, since both ends of a name tell it from others.
  package mutating func put(_ text: String, limit: Int = .max) {
    let whole = Array(text.utf8)
    guard whole.count > limit else {
      put(UInt32(whole.count))
      bytes += whole
      return
    }
    let mark = Array("…".utf8)
    let half = (limit - mark.count) / 2
    put(UInt32(half * 2 + mark.count))
    bytes += whole.prefix(half) + mark + whole.suffix(half)
  }

  package mutating func put<Value>(optional value: Value?, _ write: (inout Self, Value) -> Void) {
    bytes.append(value == nil ? 0 : 1)
    if let value { write(&self, value) }
  }
}

/// Reads the fields of a packet; any bytes are accepted, and nil is what they don't hold.
package struct PacketReader {
  package let bytes: [UInt8]
  private var position = 0

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  package var isAtEnd: Bool { position == bytes.count }

  package mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard bytes.count - position >= size else { return nil }
    defer { position += size }
    return bytes.withUnsafeBytes {
      Number(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Number.self))
    }
  }

  /// What `put(short:)` has written.
  package mutating func short() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.count, shift < 64 {
      let byte = bytes[position]
      let bits = UInt64(byte & 0x7f)
      guard (bits << shift) >> shift == bits else { return nil }
      position += 1
      value |= bits << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  package mutating func string() -> String? {
    guard let count = number(UInt32.self), Int(count) <= bytes.count - position else { return nil }
    defer { position += Int(count) }
    return String(decoding: bytes[position..<position + Int(count)], as: UTF8.self)
  }

  /// The outer nil is a broken packet, the inner one a field that is not there.
  package mutating func optional<Value>(_ read: (inout Self) -> Value?) -> Value?? {
    switch number(UInt8.self) {
    case 0: .some(nil)
    case 1: read(&self).map { .some($0) }
    default: nil
    }
  }
}
