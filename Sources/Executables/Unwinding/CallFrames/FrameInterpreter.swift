/// Carries out call frame instructions (DWARF 5, 6.4.2 and 7.24) and makes rows of what they say.
///
/// One is used for all functions of an executable, as it keeps the memory of remembered states.
struct FrameInterpreter {
  /// Compilers nest two or three.
  private static let rememberedLimit = 256

  private enum Outcome {
    case changed
    case advanced(UInt64)
    case moved(to: UInt64)
    /// What follows can't be understood.
    case failed
  }

  private var state = FrameState()
  private var remembered: [FrameState] = []

  /// Runs what comes before each function's own instructions; false where they can't be understood.
  mutating func runInitialInstructions(
    of common: inout CommonEntry,
    _ instructions: ByteCursor,
    _ bytes: RawSpan
  ) -> Bool {
    var cursor = instructions
    state = FrameState()
    while !cursor.isAtEnd {
      guard case .changed = step(&cursor, bytes, common, fieldAddress: 0) else { return false }
    }
    common.initial = state
    return true
  }

  /// Adds the rows of one function up to `end`; addresses in the table count from `textStart`.
  mutating func run(
    _ description: FrameDescription,
    of frames: borrowing FrameDescriptions,
    upTo end: UInt64,
    textStart: UInt64,
    into builder: inout UnwindTableBuilder
  ) {
    let section = frames.sections[Int(description.section)]
    let bytes = section.bytes.span.bytes
    let common = frames.commons[Int(description.common)]
    var cursor = ByteCursor(description.instructions, of: bytes)
    var location = description.start
    guard common.areInitialInstructionsValid else {
      return builder.add(.unsupported, at: UInt32(location - textStart))
    }
    state = common.initial
    remembered.removeAll(keepingCapacity: true)
    while !cursor.isAtEnd {
      let fieldAddress = section.address &+ UInt64(cursor.position)
      let next: UInt64
      switch step(&cursor, bytes, common, fieldAddress: fieldAddress) {
      case .changed: continue
      case .advanced(let distance):
        let (sum, overflows) = location.addingReportingOverflow(distance)
        next = overflows ? end : sum
      case .moved(let target) where target >= location: next = target
      case .moved, .failed:
        return builder.add(.unsupported, at: UInt32(location - textStart))
      }
      guard next < end else { break }
      guard next > location else { continue }
      builder.add(
        state.rule(isSignalFrame: common.isSignalFrame), at: UInt32(location - textStart))
      location = next
    }
    builder.add(state.rule(isSignalFrame: common.isSignalFrame), at: UInt32(location - textStart))
  }

  private mutating func step(
    _ cursor: inout ByteCursor,
    _ bytes: RawSpan,
    _ common: CommonEntry,
    fieldAddress: UInt64
  ) -> Outcome {
    let code = cursor.byte(bytes)
    let operand = UInt64(code & 0x3f)
    switch code & 0xc0 {
    case 0x40: return .advanced(operand &* common.codeAlignment)
    case 0x80: setOffset(operand, cursor.unsigned(bytes), common)
    case 0xc0: state[operand] = common.initial[operand]
    default:
      return stepExtended(code, &cursor, bytes, common, fieldAddress: fieldAddress)
    }
    return cursor.hasFailed ? .failed : .changed
  }

  /// The instructions whose number fills the byte: `DW_CFA_…`.
  private mutating func stepExtended(
    _ code: UInt8,
    _ cursor: inout ByteCursor,
    _ bytes: RawSpan,
    _ common: CommonEntry,
    fieldAddress: UInt64
  ) -> Outcome {
    switch code {
    case 0x00: break  // nop
    case 0x01:  // set_loc
      let address = common.pointerEncoding.address(
        &cursor,
        bytes,
        fieldAddress: fieldAddress &+ 1,
        dataBase: nil
      )
      return address.map { .moved(to: $0) } ?? .failed
    case 0x02, 0x03, 0x04, 0x1d:  // advance_loc1, 2, 4 and MIPS_advance_loc8
      let distance =
        switch code {
        case 0x02: UInt64(cursor.byte(bytes))
        case 0x03: UInt64(cursor.fixed(UInt16.self, bytes))
        case 0x04: UInt64(cursor.fixed(UInt32.self, bytes))
        default: cursor.fixed(UInt64.self, bytes)
        }
      return cursor.hasFailed ? .failed : .advanced(distance &* common.codeAlignment)
    case 0x0a:  // remember_state
      guard remembered.count < Self.rememberedLimit else { return .failed }
      remembered.append(state)
    case 0x0b:  // restore_state
      guard let latest = remembered.popLast() else { return .failed }
      state = latest
    case 0x0c...0x0f, 0x12, 0x13: setCFA(code, &cursor, bytes, common)
    case 0x2e: _ = cursor.unsigned(bytes)  // GNU_args_size
    default: return setRegister(code, &cursor, bytes, common)
    }
    return cursor.hasFailed ? .failed : .changed
  }

  private mutating func setCFA(
    _ code: UInt8,
    _ cursor: inout ByteCursor,
    _ bytes: RawSpan,
    _ common: CommonEntry
  ) {
    switch code {
    case 0x0c, 0x12:  // def_cfa, def_cfa_sf
      let register = UInt8(clamping: cursor.unsigned(bytes))
      state.cfa = FrameState.CFA(form: .sum, register: register)
      state.cfa.offset = cfaOffset(isFactored: code == 0x12, &cursor, bytes, common)
    case 0x0d:  // def_cfa_register
      let register = UInt8(clamping: cursor.unsigned(bytes))
      if state.cfa.form == .sum { state.cfa.register = register } else { state.cfa = .init() }
    case 0x0e, 0x13:  // def_cfa_offset, def_cfa_offset_sf
      let offset = cfaOffset(isFactored: code == 0x13, &cursor, bytes, common)
      if state.cfa.form == .sum { state.cfa.offset = offset } else { state.cfa = .init() }
    default:  // def_cfa_expression
      state.cfa = FrameState.CFA(expression(&cursor, bytes))
    }
  }

  private func cfaOffset(
    isFactored: Bool,
    _ cursor: inout ByteCursor,
    _ bytes: RawSpan,
    _ common: CommonEntry
  ) -> Int64 {
    isFactored
      ? cursor.signed(bytes) &* common.dataAlignment
      : Int64(bitPattern: cursor.unsigned(bytes))
  }

  /// The instructions that begin with the number of a register.
  private mutating func setRegister(
    _ code: UInt8,
    _ cursor: inout ByteCursor,
    _ bytes: RawSpan,
    _ common: CommonEntry
  ) -> Outcome {
    let register = cursor.unsigned(bytes)
    switch code {
    case 0x05: setOffset(register, cursor.unsigned(bytes), common)  // offset_extended
    case 0x06: state[register] = common.initial[register]  // restore_extended
    case 0x07: state[register] = .init(form: .undefined)
    case 0x08: state[register] = .init(form: .sameValue)
    case 0x09:  // register
      let source = cursor.unsigned(bytes)
      state[register] = .init(form: source == register ? .sameValue : .other)
    case 0x10: state[register] = .init(storedAt: expression(&cursor, bytes))
    case 0x11: setOffset(register, UInt64(bitPattern: cursor.signed(bytes)), common)
    case 0x14, 0x15:  // val_offset, val_offset_sf
      let factor =
        code == 0x14 ? Int64(bitPattern: cursor.unsigned(bytes)) : cursor.signed(bytes)
      state[register] = .init(form: .valueOfCFA, offset: factor &* common.dataAlignment)
    case 0x16:  // val_expression
      _ = expression(&cursor, bytes)
      state[register] = .init(form: .other)
    case 0x2f:  // GNU_negative_offset_extended
      setOffset(register, 0 &- cursor.unsigned(bytes), common)
    default: return .failed
    }
    return cursor.hasFailed ? .failed : .changed
  }

  private mutating func setOffset(_ register: UInt64, _ factor: UInt64, _ common: CommonEntry) {
    let offset = Int64(bitPattern: factor) &* common.dataAlignment
    state[register] = FrameState.Register(form: .atCFA, offset: offset)
  }

  private func expression(_ cursor: inout ByteCursor, _ bytes: RawSpan) -> FrameExpression {
    let length = cursor.unsigned(bytes)
    var part = cursor.part(length, of: bytes)
    return FrameExpression(&part, bytes)
  }
}
