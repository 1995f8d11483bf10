/// The DWARF expressions that compilers and linkers use in call frame information (DWARF 5, 2.5).
enum FrameExpression: Equatable {
  /// The register's value and a constant.
  case sum(register: UInt8, Int64)
  /// What is stored at the register's value + `offset`, and a constant.
  case load(register: UInt8, offset: Int64, addend: Int64)
  /// rsp + 8, 8 more from the given of 16 bytes on: the linker's lazy PLT entries.
  case plt(firstAfterPush: UInt8)
  case other

  init(_ cursor: inout ByteCursor, _ bytes: RawSpan) {
    let operation = cursor.byte(bytes)
    guard Operation.breg0...(Operation.breg0 + 31) ~= operation else {
      self = .other
      return
    }
    let register = operation - Operation.breg0
    let offset = cursor.signed(bytes)
    if cursor.isAtEnd {
      self = cursor.hasFailed ? .other : .sum(register: register, offset)
      return
    }
    switch cursor.byte(bytes) {
    case Operation.dereference:
      self = Self.load(register, offset, &cursor, bytes)
    case Operation.breg0 + DWARFRegister.returnAddress
    where register == DWARFRegister.rsp && offset == 8:
      self = Self.plt(&cursor, bytes)
    default: self = .other
    }
  }

  private static func load(
    _ register: UInt8,
    _ offset: Int64,
    _ cursor: inout ByteCursor,
    _ bytes: RawSpan
  ) -> Self {
    var addend: Int64 = 0
    if !cursor.isAtEnd {
      guard cursor.byte(bytes) == Operation.plusConstant,
        let constant = Int64(exactly: cursor.unsigned(bytes))
      else { return .other }
      addend = constant
    }
    guard cursor.isAtEnd, !cursor.hasFailed else { return .other }
    return .load(register: register, offset: offset, addend: addend)
  }

  /// `breg7 8; breg16 0; lit15; and; litN; ge; lit3; shl; plus`, the first of which has been read.
  private static func plt(_ cursor: inout ByteCursor, _ bytes: RawSpan) -> Self {
    guard cursor.signed(bytes) == 0, cursor.byte(bytes) == Operation.literal0 + 15,
      cursor.byte(bytes) == Operation.and
    else { return .other }
    let literal = cursor.byte(bytes)
    guard Operation.literal0...(Operation.literal0 + 15) ~= literal,
      cursor.byte(bytes) == Operation.isGreaterOrEqual,
      cursor.byte(bytes) == Operation.literal0 + 3, cursor.byte(bytes) == Operation.shiftLeft,
      cursor.byte(bytes) == Operation.plus, cursor.isAtEnd, !cursor.hasFailed
    else { return .other }
    return .plt(firstAfterPush: literal - Operation.literal0)
  }

  /// `DW_OP_…` (DWARF 5, 7.7.1).
  private enum Operation {
    static let dereference: UInt8 = 0x06
    static let and: UInt8 = 0x1a
    static let plus: UInt8 = 0x22
    static let plusConstant: UInt8 = 0x23
    static let shiftLeft: UInt8 = 0x24
    static let isGreaterOrEqual: UInt8 = 0x2a
    static let literal0: UInt8 = 0x30
    static let breg0: UInt8 = 0x70
  }
}

/// Numbers of registers in DWARF (System V x86-64 ABI, figure 3.36).
enum DWARFRegister {
  static let rbx: UInt8 = 3
  static let rbp: UInt8 = 6
  static let rsp: UInt8 = 7
  static let returnAddress: UInt8 = 16
}
