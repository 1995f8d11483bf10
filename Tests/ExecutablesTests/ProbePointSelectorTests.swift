import TestSupport
import Testing

@testable import Executables

@Suite("Probe-point selection")
struct ProbePointSelectorTests {
  static let entry: UInt64 = 0x4000
  // Pieces that hand-assembled functions are made of.
  static let testArgument: [UInt8] = [0x48, 0x85, 0xff]  // test %rdi,%rdi
  static let moveToRax: [UInt8] = [0x48, 0x89, 0xf8]  // mov %rdi,%rax
  static let endbr64: [UInt8] = [0xf3, 0x0f, 0x1e, 0xfa]
  static let nop5: [UInt8] = [0x0f, 0x1f, 0x44, 0x00, 0x00]
  static let push: [UInt8] = [0x55]
  static let ret: [UInt8] = [0xc3]

  func select(
    _ code: [UInt8],
    emulating profile: EmulationProfile = .documented
  ) throws(ExecutableError) -> ProbePoint {
    try ProbePointSelector.select(code: code, entry: Self.entry, profile: profile)
  }

  static let emulated: [(bytes: [UInt8], expected: InstructionClass)] =
    InstructionClassTests.examples.filter {
      ![.longNop, .endbr64, .other].contains($0.expected)
    }

  @Test("each emulated form is taken where the scan meets it", arguments: emulated)
  func takesEmulated(bytes: [UInt8], expected: InstructionClass) throws {
    let point = try select(Self.moveToRax + bytes + Self.ret)
    #expect(point.offset == 3)
    #expect(point.address == Self.entry + 3)
    #expect(point.instructionClass == expected)
    #expect(point.execution == .emulated)
    #expect(point.obstacle == nil)
  }

  @Test("an emulated first instruction is the probe point")
  func entryIsEmulated() throws {
    let point = try select(Self.push + Self.ret)
    #expect(point.offset == 0)
    #expect(point.execution == .emulated)
    #expect(point.obstacle == nil)
    #expect(point.entryBytes == [0x55, 0xc3])
  }

  @Test("glibc's free: the branch behind the test")
  func free() throws {
    // test %rdi,%rdi; je +1; push %rbp; ret
    let point = try select(Self.testArgument + [0x74, 0x01] + Self.push + Self.ret)
    #expect(point.offset == 3)
    #expect(point.instructionClass == .branchShort)
  }

  @Test("a function built with CET is probed behind endbr64")
  func cet() throws {
    let point = try select(Self.endbr64 + Self.push + Self.ret)
    #expect(point.offset == 4)
    #expect(point.instructionClass == .push)
  }

  @Test("only what was measured counts as emulated")
  func profileDecides() throws {
    let code = Self.moveToRax + [0x90] + Self.push + Self.ret
    let pushOnly = EmulationProfile(emulated: [.push], nanosecondsByClass: [.push: 800])
    let point = try select(code, emulating: pushOnly)
    #expect(point.offset == 4)
    #expect(point.nanoseconds == 800)
    let none = try select(code, emulating: EmulationProfile(emulated: []))
    #expect(none.offset == 0)
    #expect(none.execution == .singleStepped)
    #expect(none.obstacle == .stackPointerChanged(at: 4))
  }

  static let stops: [(code: [UInt8], obstacle: ProbePoint.Obstacle)] = [
    // An argument register is gone: mov %rsi,%rdi; xor %edx,%edx; mov $1,%cl; lea 8(%r9),%r9
    ([0x48, 0x89, 0xf7], .argumentRegisterWritten(at: 3)),
    ([0x31, 0xd2], .argumentRegisterWritten(at: 3)),
    ([0xb1, 0x01], .argumentRegisterWritten(at: 3)),
    ([0x4d, 0x8d, 0x49, 0x08], .argumentRegisterWritten(at: 3)),
    // The return address is no longer at (%rsp): sub $0x18,%rsp; pushq (%rax); and $-16,%rsp
    ([0x48, 0x83, 0xec, 0x18], .stackPointerChanged(at: 3)),
    ([0xff, 0x30], .stackPointerChanged(at: 3)),
    ([0x48, 0x83, 0xe4, 0xf0], .stackPointerChanged(at: 3)),
    // Something was called, or the function was left.
    ([0xff, 0xd0], .call(at: 3)),
    ([0xff, 0x15, 0, 0, 0, 0], .call(at: 3)),
    ([0x0f, 0x05], .systemCall(at: 3)),
    ([0xc3], .functionEnds(at: 3)),
    ([0xf3, 0xc3], .functionEnds(at: 3)),
    ([0xff, 0xe0], .indirectJump(at: 3)),
    ([0xff, 0x25, 0, 0, 0, 0], .indirectJump(at: 3)),
    // Branches that are single-stepped: bnd jmp, jrcxz, data16 je
    ([0xf2, 0xe9, 0x40, 0, 0, 0], .branchNotEmulated(at: 3)),
    ([0xe3, 0x40], .branchNotEmulated(at: 3)),
    ([0x0f, 0x0b], .trap(at: 3)),
    ([0xcc], .trap(at: 3)),
    // 06 is no instruction in 64-bit mode.
    ([0x06], .undecodable(at: 3)),
  ]

  @Test("the scan ends where a later probe would see something else", arguments: stops)
  func stop(code: [UInt8], obstacle: ProbePoint.Obstacle) throws {
    let point = try select(Self.moveToRax + code + Self.push + Self.ret)
    #expect(point.offset == 0)
    #expect(point.execution == .singleStepped)
    #expect(point.obstacle == obstacle)
  }

  @Test("a prefixed push or branch is passed or ends the scan, but is never taken")
  func prefixed() throws {
    for bytes in InstructionClassTests.prefixed {
      let point = try select(Self.moveToRax + bytes + Self.push + Self.ret)
      #expect(point.offset != 3, "\(bytes)")
    }
  }

  @Test("32 instructions are looked at")
  func limit() throws {
    let filler = Array(repeatElement(Self.moveToRax, count: 31).joined())
    #expect(try select(filler + Self.push + Self.ret).offset == filler.count)
    let longer = try select(Self.moveToRax + filler + Self.push + Self.ret)
    #expect(longer.offset == 0)
    #expect(longer.obstacle == .noneInReach)
  }

  @Test("a multi-byte nop is never the probe point, even if it is emulated")
  func longNops() throws {
    let everything = EmulationProfile(emulated: Set(InstructionClass.allCases))
    for (bytes, _) in InstructionClassTests.examples.filter({ $0.expected == .longNop }) {
      #expect(try select(bytes + Self.push + Self.ret, emulating: everything).offset == bytes.count)
      // Nothing emulated follows: the first instruction behind the nop takes the place of the entry.
      let fallback = try select(bytes + Self.testArgument + Self.ret)
      #expect(fallback.offset == bytes.count)
      #expect(fallback.execution == .singleStepped)
      #expect(fallback.obstacle == .functionEnds(at: bytes.count + 3))
    }
  }

  @Test("a function of nothing but nops can't be probed")
  func onlyNops() {
    #expect(throws: ExecutableError.noProbePoint(entry: Self.entry, obstacle: .functionEnds(at: 5)))
    {
      try select(Self.nop5)
    }
    #expect(throws: ExecutableError.self) { try select([]) }
    #expect(throws: ExecutableError.self) { try select([0x06]) }
  }

  @Test("a point that a jump inside the function leads to is refused")
  func loopHead() throws {
    // mov; nop <- target; dec %rax; jne target; ret
    let code: [UInt8] = Self.moveToRax + [0x90, 0x48, 0xff, 0xc8, 0x75, 0xfa, 0xc3]
    let point = try select(code)
    #expect(point.offset == 0)
    #expect(point.obstacle == .reachedByJump(at: 3))
  }

  @Test("a jump to an instruction before the point passes it too")
  func loopAroundPoint() throws {
    // mov; test <- target; je out; nop; jmp target; out: ret
    let code: [UInt8] =
      Self.moveToRax + Self.testArgument + [0x74, 0x03, 0x90, 0xeb, 0xf8] + Self.ret
    #expect(try select(code).obstacle == .reachedByJump(at: 3))
  }

  @Test("a jump behind the point does not matter")
  func loopBehindPoint() throws {
    // mov; push; dec %rax <- target; jne target; pop; ret
    let code: [UInt8] = Self.moveToRax + [0x55, 0x48, 0xff, 0xc8, 0x75, 0xfb, 0x5d, 0xc3]
    #expect(try select(code).offset == 3)
  }

  @Test("a jump that follows bytes which are no instruction is still seen")
  func dataInside() throws {
    // mov; push; ret; 06 06; jmp to the push
    let code: [UInt8] = Self.moveToRax + [0x55, 0xc3, 0x06, 0x06, 0xeb, 0xfa]
    #expect(try select(code).obstacle == .reachedByJump(at: 3))
  }

  @Test("a function too long to search is probed at its entry")
  func tooLong() throws {
    let body = Self.moveToRax + Self.push
    let code = body + Array(repeating: 0x90, count: ProbePointSelector.searchedByteCount)
    #expect(try select(code).obstacle == .functionTooLong)
    #expect(try select(Self.push + code).offset == 0)
  }

  @Test("no bytes make the selection fail other than by its error")
  func randomCode() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<20_000 {
      let code = (0..<Int.random(in: 0...48, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      guard let point = try? select(code) else { continue }
      #expect(point.offset < code.count)
      #expect(point.instructionClass != .longNop, "\(code)")
      if point.offset > 0 {
        #expect(point.execution == .emulated || point.obstacle != nil, "\(code)")
      }
    }
  }
}
