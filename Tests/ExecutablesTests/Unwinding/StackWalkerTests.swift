import AllocationModel
import Executables
import TestSupport
import Testing

@Suite("Walks over the copy of a stack")
struct StackWalkerTests {
  typealias Rule = UnwindRule

  // MARK: Forms of rules

  @Test("the caller of a frame is found by each form of rule", arguments: forms)
  func form(form: Form) {
    var stack = Stack(ip: inner, sp: base, bp: base + 0x40, bx: base + 0x80)
    stack.words = form.words
    stack.words[0x98] = outer
    // What the outer frame's registers are shows in where its own caller is found.
    let walk = stack.walk([inner: form.rule, outer: .end])
    #expect(walk == Walk([outer], .complete))
  }

  struct Form: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var rule: Rule
    var words: [UInt64: UInt64] = [:]

    init(_ name: String, _ rule: Rule, _ words: [UInt64: UInt64] = [:]) {
      testDescription = name
      self.rule = rule
      self.words = words
    }
  }

  /// Each puts the CFA at base + 0xa0, with rbp at base + 0x40 and rbx at base + 0x80.
  static let forms = [
    Form("rsp", Rule(.rsp, offset: 0xa0)),
    Form("rbp", Rule(.rbp, offset: 0x60)),
    Form("rbx", Rule(.rbx, offset: 0x20)),
    Form("at rsp + 16", Rule(.atRSP, offset: 0x10), [0x10: base + 0xa0]),
    Form("at rsp, + 8", Rule(.atRSP, offset: 8 << 16), [0: base + 0x98]),
    Form("at rbp - 8", Rule(.atRBP, offset: 0xfff8), [0x38: base + 0xa0]),
    Form("at rbp + 8, - 16", Rule(.atRBP, offset: -16 << 16 | 8), [0x48: base + 0xb0]),
  ]

  @Test("code with frame pointers is walked by them")
  func framePointers() {
    var stack = Stack(ip: inner, sp: base, bp: base + 0x20)
    stack.words = [0x20: base + 0x60, 0x28: outer, 0x60: 0, 0x68: inner]
    let rule = Rule(.framePointer)
    // A frame pointer of 0 is that of the first frame.
    #expect(stack.walk([inner: rule, outer: rule]) == Walk([outer, inner], .complete))
  }

  @Test("a lazy PLT entry has pushed its number from the rule's offset on", arguments: 0...15)
  func plt(place: UInt64) {
    // `ip` is the byte behind; entries are 16 bytes each.
    var stack = Stack(ip: 0x40_0000 + place + 1, sp: base)
    stack.words = [0: outer, 8: outer + 1]
    let rule = Rule(.plt, offset: 11)
    let walk = stack.walk([stack.registers.ip: rule, outer: .end, outer + 1: .end])
    #expect(walk == Walk([place < 11 ? outer : outer + 1], .complete))
  }

  @Test("a signal frame has the registers of the code that it interrupted")
  func signal() {
    var stack = Stack(ip: inner, sp: base)
    // struct ucontext: rbp, rbx, rsp and rip; the stack is another one, which lies lower.
    stack.words = [120: base + 0x300, 128: base + 0x208, 160: base + 0x200, 168: outer - 1]
    stack.words[0x208] = last
    stack.words[0x308] = inner + 1
    let rules: [UInt64: Rule] = [
      inner: .signal, outer: Rule(.rbx, offset: 8), last: Rule(.rbp, offset: 16),
      inner + 1: .end,
    ]
    #expect(stack.walk(rules) == Walk([outer, last, inner + 1], .complete))
  }

  @Test("a signal may have come while another stack was in use, wherever that lies")
  func alternateStack() {
    var stack = Stack(ip: inner, sp: base + 0x100)
    stack.words = [0x100 + 160: base, 0x100 + 168: outer - 1, 0: last]
    #expect(
      stack.walk([inner: .signal, outer: Rule(.rsp, offset: 8), last: .end])
        == Walk([outer, last], .complete))
  }

  // MARK: Saved registers

  @Test("rbp is loaded from where the frame saved it", arguments: [-2, -19, 3] as [Int16])
  func savedRBP(slot: Int16) {
    var stack = Stack(ip: inner, sp: base, bp: 1)
    let place = UInt64(0xa0 + 8 * Int64(slot))
    stack.words = [0x98: outer, place: base + 0x200, 0x208: last]
    let saving = Rule(.rsp, offset: 0xa0, saved: SavedRegisters(rbp: slot))
    #expect(
      stack.walk([inner: saving, outer: Rule(.rbp, offset: 16), last: .end])
        == Walk([outer, last], .complete))
  }

  @Test("rbp is loaded from a place that rbp itself says", arguments: [-1, 0, 4] as [Int16])
  func savedRBPFromRBP(slot: Int16) {
    var stack = Stack(ip: inner, sp: base, bp: base + 0x40)
    let place = UInt64(0x40 + 8 * Int64(slot))
    stack.words = [0x98: outer, place: base + 0x200, 0x208: last]
    let saving = Rule(.rsp, offset: 0xa0, saved: SavedRegisters(rbp: slot, isRBPFromRBP: true))
    #expect(
      stack.walk([inner: saving, outer: Rule(.rbp, offset: 16), last: .end])
        == Walk([outer, last], .complete))
  }

  @Test("rbx is loaded from where the frame saved it", arguments: [2, 20] as [UInt8])
  func savedRBX(slot: UInt8) {
    var stack = Stack(ip: inner, sp: base, bx: 1)
    stack.words = [0x98: outer, 0xa0 - 8 * UInt64(slot): base + 0x200, 0x208: last]
    let saving = Rule(.rsp, offset: 0xa0, saved: SavedRegisters(rbx: slot))
    #expect(
      stack.walk([inner: saving, outer: Rule(.rbx, offset: 16), last: .end])
        == Walk([outer, last], .complete))
  }

  @Test("registers that a frame did not save are its caller's")
  func unchanged() {
    var stack = Stack(ip: inner, sp: base, bp: base + 0x100, bx: base + 0x200)
    stack.words = [8: outer, 0x108: last, 0x208: outer + 1]
    let rules: [UInt64: Rule] = [
      inner: Rule(.rsp, offset: 16), outer: Rule(.rbp, offset: 16), last: Rule(.rbx, offset: 16),
      outer + 1: .end,
    ]
    #expect(stack.walk(rules) == Walk([outer, last, outer + 1], .complete))
  }

  @Test("rbx that was saved where nothing can be read is not known to be what it was")
  func lostRBX() {
    var stack = Stack(ip: inner, sp: base, bx: base + 0x200)
    stack.words = [8: outer, 0x208: last]
    let losing = Rule(.rsp, offset: 16, saved: SavedRegisters(rbx: 255))
    #expect(
      stack.walk([inner: losing, outer: Rule(.rbx, offset: 16), last: .end])
        == Walk([outer], .unreadableStack))
    // Nobody may want it.
    #expect(stack.walk([inner: losing, outer: .end]) == Walk([outer], .complete))
  }

  // MARK: Endings

  @Test("a return address of 0 ends a stack as whole")
  func zero() {
    let stack = Stack(ip: inner, sp: base)
    #expect(stack.walk([inner: Rule(.rsp, offset: 8)]) == Walk([], .complete))
  }

  @Test(
    "rules that lead nowhere say why",
    arguments: [
      (.end, .complete), (.none, .noRule), (.unsupported, .unsupportedRule),
      (Rule(bits: 13), .unsupportedRule),
    ] as [(Rule, StackEnding)])
  func endings(rule: Rule, ending: StackEnding) {
    #expect(Stack(ip: inner, sp: base).walk([inner: rule]) == Walk([], ending))
  }

  @Test("code that nothing is known of is the last frame")
  func unknownCode() {
    var stack = Stack(ip: inner, sp: base)
    stack.words = [0: outer]
    #expect(stack.walk([inner: Rule(.rsp, offset: 8)]) == Walk([outer], .unknownCode))
    #expect(stack.walk([:]) == Walk([], .unknownCode))
  }

  @Test("the byte before a return address says which code it is")
  func byteBefore() {
    var asked: [UInt64] = []
    let walker = StackWalker(memory: Stack(ip: inner, sp: base).memory, base: base)
    _ = walker.callers(of: .init(ip: inner, sp: base, bp: 0, bx: 0), limit: 4) {
      asked.append($0)
      return nil
    }
    #expect(asked == [inner - 1])
  }

  @Test("a caller's frame lies higher, at a multiple of 8", arguments: [0, -8, 4, 12, 15])
  func badFrame(offset: Int32) {
    var stack = Stack(ip: inner, sp: base + 0x10)
    stack.words = [0: outer, 8: outer, 0x10: outer]
    #expect(stack.walk([inner: Rule(.rsp, offset: offset)]) == Walk([], .badFrame))
  }

  @Test("a frame pointer below the stack pointer is no frame's")
  func badFramePointer() {
    let stack = Stack(ip: inner, sp: base + 0x10, bp: base + 8)
    #expect(stack.walk([inner: Rule(.framePointer)]) == Walk([], .badFrame))
  }

  @Test(
    "code lies neither in the first page nor in the kernel", arguments: [1, 0xfff, 1 << 47, .max])
  func badAddress(ip: UInt64) {
    var stack = Stack(ip: inner, sp: base)
    stack.words = [0: ip]
    #expect(stack.walk([inner: Rule(.rsp, offset: 8)]) == Walk([], .badFrame))
  }

  @Test("a walk ends where the copy does")
  func endOfCopy() {
    var stack = Stack(ip: inner, sp: base)
    let end = UInt64(Stack.byteCount)
    stack.words[end - 8] = outer
    let toLast = Rule(.rsp, offset: Int32(end))
    #expect(stack.walk([inner: toLast, outer: .end]) == Walk([outer], .complete))
    #expect(stack.walk([inner: Rule(.rsp, offset: Int32(end) + 8)]) == Walk([], .unreadableStack))
    let saving = Rule(.rsp, offset: Int32(end), saved: SavedRegisters(rbp: 0, isRBPFromRBP: true))
    stack.registers.bp = base + end - 7
    #expect(stack.walk([inner: saving]) == Walk([], .unreadableStack))
    stack.registers.bp = base - 1
    #expect(stack.walk([inner: saving]) == Walk([], .unreadableStack))
    #expect(stack.walk([inner: Rule(.atRSP, offset: 0x7ff9)]) == Walk([], .unreadableStack))
    stack.registers.sp = base + end - 168
    #expect(stack.walk([inner: .signal]) == Walk([], .unreadableStack))
  }

  @Test("no more frames are taken than there is room for", arguments: [1, 2, 7])
  func tooDeep(limit: Int) {
    var stack = Stack(ip: inner, sp: base)
    for index in 0..<10 as Range<UInt64> { stack.words[8 * index] = outer + index }
    let walk = stack.walk(limit: limit) { _ in Rule(.rsp, offset: 8) }
    #expect(walk == Walk((0..<UInt64(limit - 1)).map { outer + $0 }, .tooDeep))
  }

  @Test("a stack with as many frames as there is room for is whole")
  func deepest() {
    var stack = Stack(ip: inner, sp: base)
    for index in 0..<10 as Range<UInt64> { stack.words[8 * index] = outer + index }
    let walk = stack.walk(limit: 11) { _ in Rule(.rsp, offset: 8) }
    #expect(walk == Walk((0..<10).map { outer + $0 }, .complete))
  }

  @Test("any memory, registers and rules are survived")
  func hostile() {
    var generator = SeededGenerator(seed: 21)
    var endings: Set<StackEnding> = []
    for _ in 0..<20_000 {
      let near = base - 64...base + 128
      func register() -> UInt64 {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: UInt64.random(in: 0 ... .max, using: &generator)
        case 1: .max - UInt64.random(in: 0...16, using: &generator)
        default: UInt64.random(in: near, using: &generator) & ~7
        }
      }
      let registers = StackWalker.Registers(
        ip: register(), sp: register(), bp: register(), bx: register())
      let memory = (0..<Int.random(in: 0...24, using: &generator)).flatMap { _ in
        withUnsafeBytes(of: register()) { Array($0) }
      }
      let walk = StackWalker(memory: memory, base: base).callers(of: registers, limit: 8) { _ in
        let bits = UInt64.random(in: 0 ... .max, using: &generator)
        let isNear = Bool.random(using: &generator)
        return Rule(bits: isNear ? bits & 0x0000_003f_0003_03ff & ~0xf | bits % 7 : bits)
      }
      #expect(walk.addresses.count < 8)
      endings.insert(walk.ending)
    }
    #expect(endings.isSuperset(of: [.badFrame, .unreadableStack, .complete, .noRule]))
  }
}

// MARK: - Stacks

private let base: UInt64 = 0x7ffe_0000_0000
/// Return addresses of three functions.
private let inner: UInt64 = 0x40_0010
private let outer: UInt64 = 0x50_0020
private let last: UInt64 = 0x60_0030

private struct Walk: Equatable {
  var addresses: [UInt64]
  var ending: StackEnding

  init(_ addresses: [UInt64], _ ending: StackEnding) {
    self.addresses = addresses
    self.ending = ending
  }
}

/// A KiB of zeros but for some words, and the registers of the innermost frame.
private struct Stack {
  static let byteCount = 1024

  var registers: StackWalker.Registers
  /// By offset from `base`.
  var words: [UInt64: UInt64] = [:]

  init(ip: UInt64, sp: UInt64, bp: UInt64 = 0, bx: UInt64 = 0) {
    registers = .init(ip: ip, sp: sp, bp: bp, bx: bx)
  }

  var memory: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    for (offset, word) in words {
      withUnsafeBytes(of: word) { bytes.replaceSubrange(Int(offset)..<Int(offset) + 8, with: $0) }
    }
    return bytes
  }

  /// - Parameter rules: by return address.
  func walk(_ rules: [UInt64: UnwindRule]) -> Walk { walk(limit: 64) { rules[$0 + 1] } }

  func walk(limit: Int, rule: (UInt64) -> UnwindRule?) -> Walk {
    let walk = StackWalker(memory: memory, base: base).callers(
      of: registers, limit: limit, rule: rule)
    return Walk(walk.addresses, walk.ending)
  }
}
