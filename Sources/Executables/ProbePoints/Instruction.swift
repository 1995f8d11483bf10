import CZydis

/// A set of general-purpose registers, by x86-64 encoding.
///
/// A part of a register counts as all of it.
struct RegisterSet: OptionSet, Hashable, Sendable {
  var rawValue: UInt16

  static let rcx = Self(rawValue: 1 << 1)
  static let rdx = Self(rawValue: 1 << 2)
  static let rsp = Self(rawValue: 1 << 4)
  static let rsi = Self(rawValue: 1 << 6)
  static let rdi = Self(rawValue: 1 << 7)
  static let r8 = Self(rawValue: 1 << 8)
  static let r9 = Self(rawValue: 1 << 9)

  /// Where integer and pointer arguments are passed (System V AMD64 ABI, section 3.2.3).
  static let argumentsInOrder: [Self] = [.rdi, .rsi, .rdx, .rcx, .r8, .r9]
  static let arguments = Self(argumentsInOrder)
}

/// One decoded x86-64 instruction, as far as choosing a probe point needs it.
struct Instruction: Hashable, Sendable {
  enum Flow: Hashable, Sendable {
    case next, call, `return`, systemCall, directBranch, indirectJump, trap
  }

  /// Bytes from the start of the code.
  var offset: Int
  /// Bytes, 1 to 15.
  var length: Int
  var instructionClass: InstructionClass
  var flow: Flow
  /// Of a branch: it may go on with the next instruction instead.
  var isConditional: Bool
  /// Offset in the code of the branch or relative call target; may lie outside the code.
  var target: Int?
  /// Offset from the code's start of memory that is addressed by rip and a constant; lies outside the code mostly.
  var slot: Int?
  var writtenRegisters: RegisterSet

  var end: Int { offset + length }

  /// Decodes the instruction at `offset`; nil where the bytes are none, or end within one.
  init?(code: [UInt8], at offset: Int) {
    guard offset >= 0, offset < code.count else { return nil }
    var decoded = czydis_instruction()
    let isDecoded = code.withUnsafeBufferPointer { bytes in
      let rest = UnsafeBufferPointer(rebasing: bytes[offset...])
      return czydis_decode(rest.baseAddress, rest.count, &decoded)
    }
    guard isDecoded, decoded.length > 0, Int(decoded.length) <= code.count - offset else {
      return nil
    }
    self.offset = offset
    length = Int(decoded.length)
    instructionClass = InstructionClass(
      bytes: code[offset..<offset + length],
      isNop: decoded.is_nop
    )
    flow = Flow(decoded.flow)
    isConditional = decoded.is_conditional
    target = decoded.has_target ? offset &+ Int(decoded.target) : nil
    slot = decoded.has_slot ? offset &+ Int(decoded.slot) : nil
    writtenRegisters = RegisterSet(rawValue: decoded.written_registers)
  }
}

extension Instruction.Flow {
  fileprivate init(_ flow: czydis_flow) {
    self =
      switch flow {
      case CZYDIS_FLOW_CALL: .call
      case CZYDIS_FLOW_RETURN: .return
      case CZYDIS_FLOW_SYSTEM_CALL: .systemCall
      case CZYDIS_FLOW_DIRECT_BRANCH: .directBranch
      case CZYDIS_FLOW_INDIRECT_JUMP: .indirectJump
      case CZYDIS_FLOW_TRAP: .trap
      default: .next
      }
  }
}
