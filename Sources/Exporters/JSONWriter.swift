/// JSON text (RFC 8259) on one line, in the order in which it is written.
struct JSONWriter {
  private(set) var text = ""
  /// The next value is the first of its object or list.
  private var isFirst = true

  mutating func object(_ members: (inout JSONWriter) -> Void) {
    enclose("{", "}", members)
  }

  mutating func object(_ name: String, _ members: (inout JSONWriter) -> Void) {
    key(name)
    enclose("{", "}", members)
  }

  mutating func list<Element>(
    _ name: String,
    _ elements: [Element],
    _ write: (inout JSONWriter, Element) -> Void
  ) {
    key(name)
    enclose("[", "]") { writer in
      for element in elements {
        writer.separate()
        writer.isFirst = true
        write(&writer, element)
        writer.isFirst = false
      }
    }
  }

  mutating func member(_ name: String, _ value: some BinaryInteger) {
    key(name)
    text += String(value)
  }

  mutating func member(_ name: String, _ value: Bool) {
    key(name)
    text += value ? "true" : "false"
  }

  mutating func member(_ name: String, _ value: Double) {
    key(name)
    text += Self.number(value)
  }

  mutating func member(_ name: String, _ value: String) {
    key(name)
    quote(value)
  }

  mutating func member(_ name: String, _ value: (some BinaryInteger)?) {
    if let value { member(name, value) } else { null(name) }
  }

  mutating func member(_ name: String, _ value: Double?) {
    if let value { member(name, value) } else { null(name) }
  }

  mutating func member(_ name: String, _ value: String?) {
    if let value { member(name, value) } else { null(name) }
  }

  /// An element of a list.
  mutating func value(_ value: String) { quote(value) }

  /// A share, to six decimals.
  mutating func member(_ name: String, share: Double?) {
    guard let share else { return null(name) }
    key(name)
    text += Self.number(share, scale: 1e6)
  }

  private mutating func null(_ name: String) {
    key(name)
    text += "null"
  }

  /// A number that always has a decimal point, to three decimals unless `scale` says otherwise; JSON has no infinities, and what
  /// is not a number is 0.0.
  static func number(_ value: Double, scale: Double = 1000) -> String {
    guard !value.isNaN else { return "0.0" }
    let largest = Double.greatestFiniteMagnitude
    var finite = min(max(value, -largest), largest)
    if finite.magnitude < 1e12 { finite = (finite * scale).rounded() / scale }
    if finite == 0 { return "0.0" }
    let digits = finite.description
    guard let exponent = digits.firstIndex(of: "e"), !digits.contains(".") else { return digits }
    return digits[..<exponent] + ".0" + digits[exponent...]
  }

  private mutating func enclose(
    _ opening: String,
    _ closing: String,
    _ body: (inout JSONWriter) -> Void
  ) {
    text += opening
    isFirst = true
    body(&self)
    isFirst = false
    text += closing
  }

  private mutating func key(_ name: String) {
    separate()
    quote(name)
    text += ":"
  }

  private mutating func separate() {
    if !isFirst { text += "," }
    isFirst = false
  }

  private mutating func quote(_ string: String) {
    text += "\""
    defer { text += "\"" }
    // Nearly all strings stay as they are, and appending scalar by scalar was half of the work of a report.
    guard string.utf8.contains(where: Self.isEscaped) else {
      text += string
      return
    }
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  /// Whether a byte stands for a character that JSON strings (RFC 8259, section 7), or terminals, want escaped.
  private static func isEscaped(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
  }
}
