/// Writes the fields of a packet: numbers little-endian, strings after their length in bytes, optional fields after a
/// byte that says whether they are there.
struct PacketWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  /// A string of more than `limit` bytes loses its middle, since both ends of a name tell it from others.
  mutating func put(_ text: String, limit: Int = .max) {
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

  mutating func put<Value>(optional value: Value?, _ write: (inout Self, Value) -> Void) {
    bytes.append(value == nil ? 0 : 1)
    if let value { write(&self, value) }
  }
}

/// Reads the fields of a packet; any bytes are accepted, and nil is what they don't hold.
struct PacketReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { position == bytes.count }

  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard bytes.count - position >= size else { return nil }
    defer { position += size }
    return bytes.withUnsafeBytes {
      Number(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Number.self))
    }
  }

  mutating func string() -> String? {
    guard let count = number(UInt32.self), Int(count) <= bytes.count - position else { return nil }
    defer { position += Int(count) }
    return String(decoding: bytes[position..<position + Int(count)], as: UTF8.self)
  }

  /// The outer nil is a broken packet, the inner one a field that is not there.
  mutating func optional<Value>(_ read: (inout Self) -> Value?) -> Value?? {
    switch number(UInt8.self) {
    case 0: .some(nil)
    case 1: read(&self).map { .some($0) }
    default: nil
    }
  }
}
