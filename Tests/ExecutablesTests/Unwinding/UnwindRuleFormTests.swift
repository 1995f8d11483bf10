import Executables
import ProbeABI
import TestSupport
import Testing

@Suite("Forms of unwind rules")
struct UnwindRuleFormTests {
  static let kinds: [(kind: UnwindRule.Kind, constant: unwind_rule_kind)] = [
    (.none, UNWIND_NONE), (.rsp, UNWIND_RSP), (.rbp, UNWIND_RBP), (.rbx, UNWIND_RBX),
    (.atRSP, UNWIND_AT_RSP), (.atRBP, UNWIND_AT_RBP), (.plt, UNWIND_PLT), (.signal, UNWIND_SIGNAL),
    (.end, UNWIND_END), (.framePointer, UNWIND_FRAME_POINTER), (.unsupported, UNWIND_UNSUPPORTED),
  ]

  @Test("kinds have the numbers of the kernel programs")
  func numbers() {
    #expect(Self.kinds.map { UInt32($0.kind.rawValue) } == Self.kinds.map(\.constant.rawValue))
    #expect(Self.kinds.map(\.kind) == UnwindRule.Kind.allCases)
  }

  @Test("bits are where the kernel programs look for them")
  func bits() {
    let saved = SavedRegisters(rbp: -2, isRBPFromRBP: true, rbx: 5)
    let rule = UnwindRule(.rbp, offset: -16, saved: saved)
    #expect(rule.bits == 0xffff_fff0_fffe_0582)
    #expect(rule.kind == .rbp)
    #expect(rule.offset == -16)
    #expect(rule.saved == saved)
    #expect(UnwindRule(bits: 0xf).kind == nil)
  }

  /// `breg7 8; breg16 0; lit15; and; lit11; ge; lit3; shl; plus`
  static let plt: [UInt8] = [
    0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22,
  ]

  private static func cfa(_ expression: [UInt8]) -> [UInt8] {
    [0x0f] + CallFrameBuilder.unsigned(UInt64(expression.count)) + expression
  }

  static let forms: [(name: String, instructions: [UInt8], expected: UnwindRule)] = [
    ("nothing more", [], rsp(8)),
    ("def_cfa rsp", [0x0c, 7, 32], rsp(32)),
    ("def_cfa rbp", [0x0c, 6, 16], UnwindRule(.rbp, offset: 16)),
    ("def_cfa rbx", [0x0c, 3, 16], UnwindRule(.rbx, offset: 16)),
    ("def_cfa r10", [0x0c, 10, 0], .unsupported),
    ("def_cfa of a register far beyond", [0x0c, 0x87, 0x02, 8], .unsupported),
    ("def_cfa_sf", [0x12, 7, 0x7e], rsp(16)),
    ("def_cfa_register", [0x0d, 6], UnwindRule(.rbp, offset: 8)),
    ("def_cfa_offset", [0x0e, 0x80, 0x02], rsp(256)),
    ("def_cfa_offset_sf", [0x13, 0x7d], rsp(24)),
    ("CFA beyond 32 bits", [0x0e, 0x80, 0x80, 0x80, 0x80, 0x40], .unsupported),
    ("CFA as sum", cfa([0x76, 0x70]), UnwindRule(.rbp, offset: -16)),
    ("lazy PLT", cfa(plt), UnwindRule(.plt, offset: 11)),
    ("CFA at rbp", cfa([0x76, 0x78, 0x06]), UnwindRule(.atRBP, offset: 0xfff8)),
    ("CFA at rsp", cfa([0x77, 16, 0x06]), UnwindRule(.atRSP, offset: 16)),
    ("CFA at rsp + 8", cfa([0x77, 0, 0x06, 0x23, 8]), UnwindRule(.atRSP, offset: 8 << 16)),
    (
      "CFA at rbp - 8, + 16", cfa([0x76, 0x78, 0x06, 0x23, 16]),
      UnwindRule(.atRBP, offset: 16 << 16 | 0xfff8)
    ),
    ("CFA at r10", cfa([0x7a, 0, 0x06]), .unsupported),
    ("CFA at rbp + 40000", cfa([0x76, 0xc0, 0xb8, 0x02, 0x06]), .unsupported),
    ("CFA at rbp, more following", cfa([0x76, 0, 0x06, 0x06]), .unsupported),
    ("CFA of no bytes", cfa([]), .unsupported),
    (
      "PLT with another shift", cfa([0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x34, 0x24, 0x22]),
      .unsupported
    ),
    ("PLT cut off", cfa(plt.dropLast()), .unsupported),
    ("def_cfa_offset behind an expression", cfa([0x76, 0, 0x06]) + [0x0e, 16], .unsupported),
    ("def_cfa behind an expression", cfa([0x76, 0, 0x06]) + [0x0c, 7, 16], rsp(16)),
    ("rbp at CFA - 16", [0x86, 2], rsp(8, rbp: -2)),
    ("rbp by offset_extended", [0x05, 6, 2], rsp(8, rbp: -2)),
    ("rbp by offset_extended_sf", [0x11, 6, 0x7f], rsp(8, rbp: 1)),
    ("rbp by GNU_negative_offset_extended", [0x2f, 6, 3], rsp(8, rbp: 3)),
    ("rbp at the CFA itself", [0x86, 0], .unsupported),
    ("rbp far away", [0x86, 0x81, 0x80, 0x02], .unsupported),
    ("rbp as far as it goes", [0x86, 0x80, 0x80, 0x02], rsp(8, rbp: .min)),
    ("rbp restored", [0x86, 2, 0xc6], rsp(8)),
    ("rbp by restore_extended", [0x86, 2, 0x06, 6], rsp(8)),
    ("rbp same_value", [0x86, 2, 0x08, 6], rsp(8)),
    ("rbp undefined", [0x07, 6], .unsupported),
    ("rbp in rax", [0x09, 6, 0], .unsupported),
    ("rbp in rbp", [0x09, 6, 6], rsp(8)),
    (
      "rbp at rbp - 16", [0x10, 6, 2, 0x76, 0x70],
      UnwindRule(.rsp, offset: 8, saved: .init(rbp: -2, isRBPFromRBP: true))
    ),
    (
      "rbp at rbp", [0x10, 6, 2, 0x76, 0],
      UnwindRule(.rsp, offset: 8, saved: .init(rbp: 0, isRBPFromRBP: true))
    ),
    ("rbp at rbp - 4", [0x10, 6, 2, 0x76, 0x7c], .unsupported),
    ("rbp at rsp", [0x10, 6, 2, 0x77, 0], .unsupported),
    ("rbp by val_expression", [0x16, 6, 2, 0x76, 0], .unsupported),
    ("rbp by val_offset", [0x14, 6, 2], .unsupported),
    ("rbx at CFA - 24", [0x83, 3], rsp(8, rbx: 3)),
    ("rbx at CFA - 2032", [0x83, 0xfe, 0x01], rsp(8, rbx: 254)),
    ("rbx too far away", [0x83, 0x80, 0x02], rsp(8, rbx: 255)),
    ("rbx above the CFA", [0x11, 3, 0x7f], rsp(8, rbx: 255)),
    ("rbx at rbp - 8", [0x10, 3, 2, 0x76, 0x78], rsp(8, rbx: 255)),
    ("other registers", [0x8c, 4, 0x07, 0, 0x05, 99, 3, 0x10, 17, 1, 0x30], rsp(8)),
    ("rsp as the CFA", [0x14, 7, 0], rsp(8)),
    ("rsp elsewhere", [0x14, 7, 1], .unsupported),
    ("rsp stored", [0x87, 2], .unsupported),
    ("return address undefined", [0x07, 16], .end),
    ("return address elsewhere", [0x90, 2], .unsupported),
    ("return address in rax", [0x09, 16, 0], .unsupported),
    ("return address in an expression", [0x10, 16, 2, 0x77, 0], .unsupported),
    ("return address unknown", [0x08, 16], .unsupported),
    ("GNU_args_size", [0x2e, 0x80, 0x01], rsp(8)),
    ("an unknown instruction", [0x3f], .unsupported),
    ("restore_state without a state", [0x0b], .unsupported),
    ("an expression that is longer than the rest", [0x0f, 0x7f, 0x77], .unsupported),
  ]

  @Test("each form becomes its rule", arguments: forms)
  func form(name: String, instructions: [UInt8], expected: UnwindRule) throws {
    #expect(try table(instructions).rule(at: 0x1010) == expected, "\(name)")
  }

  /// `breg7 160; deref` for the CFA and `breg7 168` for the return address.
  static let signalFrame: [UInt8] = [
    0x0f, 4, 0x77, 0xa0, 0x01, 0x06, 0x10, 16, 3, 0x77, 0xa8, 0x01,
  ]

  @Test("a signal frame is one where the augmentation says so and both registers are the kernel's")
  func signal() throws {
    #expect(try table(Self.signalFrame, augmentation: "zRS").rule(at: 0x1000) == .signal)
    #expect(try table(Self.signalFrame).rule(at: 0x1000) == .unsupported)
    var other = Self.signalFrame
    other[10] = 0xb0
    #expect(try table(other, augmentation: "zRS").rule(at: 0x1000) == .unsupported)
    #expect(try table([], augmentation: "zRS").rule(at: 0x1000) == .unsupported)
  }
}
