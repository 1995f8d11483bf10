/// How an address is written in `.eh_frame`: `DW_EH_PE_…` (LSB Core 5.0, "DWARF Exception Header Encoding").
struct PointerEncoding: Hashable {
  var rawValue: UInt8

  /// An address of 8 bytes as it is.
  static let absolute = Self(rawValue: 0)

  private var format: UInt8 { rawValue & 0x0f }
  var isOmitted: Bool { rawValue == 0xff }

  /// Reads an address.
  ///
  /// `fieldAddress` is where the cursor stands in memory, `dataBase` what data-relative addresses count from.
  /// nil where it is absent, null or encoded in a way that needs a running process.
  func address(
    _ cursor: inout ByteCursor,
    _ bytes: RawSpan,
    fieldAddress: UInt64,
    dataBase: UInt64?
  ) -> UInt64? {
    guard !isOmitted, rawValue & 0x80 == 0, let value = number(&cursor, bytes) else { return nil }
    switch rawValue & 0x70 {
    case 0x00: return value
    // A null pointer is not made relative.
    case 0x10: return value == 0 ? nil : fieldAddress &+ value
    case 0x30: return dataBase.flatMap { value == 0 ? nil : $0 &+ value }
    default: return nil
    }
  }

  /// Reads the number alone, as a length is written.
  func number(_ cursor: inout ByteCursor, _ bytes: RawSpan) -> UInt64? {
    let value: UInt64
    switch format {
    case 0x0, 0x4, 0x8, 0xc: value = cursor.fixed(UInt64.self, bytes)
    case 0x1: value = cursor.unsigned(bytes)
    case 0x2: value = UInt64(cursor.fixed(UInt16.self, bytes))
    case 0x3: value = UInt64(cursor.fixed(UInt32.self, bytes))
    case 0x9: value = UInt64(bitPattern: cursor.signed(bytes))
    case 0xa: value = UInt64(bitPattern: Int64(cursor.fixed(Int16.self, bytes)))
    case 0xb: value = UInt64(bitPattern: Int64(cursor.fixed(Int32.self, bytes)))
    default: return nil
    }
    return cursor.hasFailed ? nil : value
  }
}
