/// Writes `.eh_frame` or `.debug_frame`, little-endian.
package struct CallFrameBuilder {
  /// Virtual address of the section.
  package var address: UInt64 = 0x8000
  /// Writes `.debug_frame`.
  package var isDebugging = false
  /// Writes lengths of 64 bits.
  package var isLong = false
  package private(set) var bytes: [UInt8] = []

  /// CFA = rsp + 8, and the return address is below it: what holds at a function's first instruction.
  package static let atEntry: [UInt8] = [0x0c, 7, 8, 0x90, 1]

  private var encodings: [Int: UInt8] = [:]

  package init() {}

  /// Adds what functions have in common, and returns its place.
  ///
  /// `encoding` is `DW_EH_PE_…`; the data that the letters of `augmentation` ask for are made for z and R,
  /// others are taken from `data`.
  @discardableResult
  package mutating func addCommon(
    _ instructions: [UInt8] = Self.atEntry,
    version: UInt8 = 1,
    augmentation: String = "zR",
    encoding: UInt8 = 0x1b,
    data: [UInt8]? = nil,
    codeAlignment: UInt8 = 1,
    returnAddress: UInt8 = 16
  ) -> Int {
    let start = bytes.count
    var contents: [UInt8] = [version] + Array(augmentation.utf8) + [0]
    if version == 4 { contents += [8, 0] }
    // Data alignment -8.
    contents += [codeAlignment, 0x78, returnAddress]
    if augmentation.hasPrefix("z") {
      let data = data ?? [encoding]
      contents += [UInt8(data.count)] + data
    }
    encodings[start] = augmentation.contains("R") ? encoding : 0
    let identifier: [UInt8]
    if isDebugging {
      identifier = Array(repeating: 0xff, count: isLong ? 8 : 4)
    } else {
      identifier = [0, 0, 0, 0]
    }
    addEntry(identifier, contents + instructions)
    return start
  }

  /// Adds a function whose frames the instructions tell.
  package mutating func addFunction(
    at start: UInt64,
    count: UInt64,
    _ instructions: [UInt8] = [],
    of common: Int = 0,
    hasAugmentationData: Bool = true
  ) {
    let identifierOffset = bytes.count + (isLong ? 12 : 4)
    let identifierCount = isDebugging && isLong ? 8 : 4
    let identifier = isDebugging ? UInt64(common) : UInt64(identifierOffset - common)
    let encoding = encodings[common] ?? 0
    let field = address &+ UInt64(identifierOffset + identifierCount)
    let base = encoding & 0x70 == 0x10 ? field : 0
    var contents = Self.number(start &- base, encoding)
    contents += Self.number(count, encoding)
    if hasAugmentationData, !isDebugging { contents.append(0) }
    addEntry(Self.fixed(identifier, identifierCount), contents + instructions)
  }

  /// Adds the entry that ends one object file's part.
  package mutating func addTerminator() {
    bytes += [0, 0, 0, 0]
  }

  private mutating func addEntry(_ identifier: [UInt8], _ contents: [UInt8]) {
    var contents = identifier + contents
    // DW_CFA_nop up to a multiple of 8.
    contents += repeatElement(0, count: (12 - contents.count % 8) % 8)
    if isLong { bytes += [0xff, 0xff, 0xff, 0xff] }
    bytes += Self.fixed(UInt64(contents.count), isLong ? 8 : 4)
    bytes += contents
  }

  private static func number(_ value: UInt64, _ encoding: UInt8) -> [UInt8] {
    switch encoding & 0x0f {
    case 0x1: unsigned(value)
    case 0x9: signed(Int64(bitPattern: value))
    case 0x2, 0xa: fixed(value, 2)
    case 0x3, 0xb: fixed(value, 4)
    default: fixed(value, 8)
    }
  }

  private static func fixed(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  /// LEB128.
  package static func unsigned(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    repeat {
      bytes.append(UInt8(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
      rest >>= 7
    } while rest != 0
    return bytes
  }

  package static func signed(_ value: Int64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while true {
      let byte = UInt8(truncatingIfNeeded: rest & 0x7f)
      rest >>= 7
      if rest == 0 && byte & 0x40 == 0 || rest == -1 && byte & 0x40 != 0 { return bytes + [byte] }
      bytes.append(byte | 0x80)
    }
  }
}
