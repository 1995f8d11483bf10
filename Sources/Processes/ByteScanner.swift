/// Reads fields from text without ever leaving it.
struct ByteScanner {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) {
    rest = bytes
  }

  var remainder: ArraySlice<UInt8> { rest }

  mutating func skip(_ byte: UInt8) -> Bool {
    guard rest.first == byte else { return false }
    rest.removeFirst()
    return true
  }

  mutating func skipSpaces() {
    rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
  }

  /// The bytes up to the next space, tab or end; nil where there are none.
  mutating func word() -> ArraySlice<UInt8>? {
    skipSpaces()
    let word = rest.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
    rest = rest[word.endIndex...]
    return word.isEmpty ? nil : word
  }

  mutating func byte() -> UInt8? { rest.popFirst() }

  /// An unsigned number of at least one digit; nil on overflow too.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
    radix: Number,
    as type: Number.Type = Number.self
  ) -> Number? {
    var value: Number = 0
    var digits = 0
    while let byte = rest.first, let digit = Self.digit(byte), Number(digit) < radix {
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(Number(digit))
      guard !overflow, !carry else { return nil }
      value = sum
      digits += 1
      rest.removeFirst()
    }
    return digits > 0 ? value : nil
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
