import Testing

@testable import Executables

@Suite("Instruction classes")
struct InstructionClassTests {
  static let examples: [(bytes: [UInt8], expected: InstructionClass)] = [
    ([0x50], .push), ([0x55], .push), ([0x57], .push),
    ([0x41, 0x50], .pushExtended), ([0x41, 0x57], .pushExtended),
    ([0xeb, 0x10], .jumpShort),
    ([0xe9, 0x10, 0, 0, 0], .jumpNear),
    ([0x70, 0x10], .branchShort), ([0x7f, 0x10], .branchShort),
    ([0x0f, 0x80, 0x10, 0, 0, 0], .branchNear), ([0x0f, 0x8f, 0x10, 0, 0, 0], .branchNear),
    ([0xe8, 0x10, 0, 0, 0], .call),
    ([0x90], .nop),
    ([0x66, 0x90], .longNop),
    ([0x0f, 0x1f, 0x00], .longNop),
    ([0x0f, 0x1f, 0x44, 0x00, 0x00], .longNop),
    ([0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0], .longNop),
    ([0xf3, 0x0f, 0x1e, 0xfa], .endbr64),
    ([0x48, 0x85, 0xff], .other),
  ]

  @Test("every form is told by its bytes", arguments: examples)
  func form(bytes: [UInt8], expected: InstructionClass) throws {
    let instruction = try #require(Instruction(code: bytes, at: 0))
    #expect(instruction.instructionClass == expected)
    #expect(instruction.length == bytes.count)
  }

  static let prefixed: [[UInt8]] = [
    [0x66, 0x55],  // pushw %bp
    [0x40, 0x55], [0x48, 0x55],  // REX other than 41 on a push
    [0x66, 0xe9, 0, 0, 0, 0], [0xf2, 0xe9, 0, 0, 0, 0],  // data16 jmp, bnd jmp
    [0x2e, 0x74, 0x10], [0x3e, 0x75, 0x10],  // branch hints
    [0xf2, 0x0f, 0x84, 0, 0, 0, 0],
    [0xf2, 0xe8, 0, 0, 0, 0], [0x64, 0xe8, 0, 0, 0, 0],
    [0xf0, 0x48, 0xff, 0x07],  // lock incq (%rdi)
    [0xf3, 0x90],  // pause
    [0xff, 0x35, 0, 0, 0, 0], [0x6a, 0x01],  // push of memory and of a constant
    [0xe3, 0x10], [0xe2, 0x10],  // jrcxz, loop
  ]

  @Test(
    "a prefix or another operand makes it a form the kernel does not emulate",
    arguments: prefixed
  )
  func prefixes(bytes: [UInt8]) throws {
    let instruction = try #require(Instruction(code: bytes, at: 0))
    #expect(instruction.instructionClass == .other)
    #expect(!EmulationProfile(emulated: Set(InstructionClass.allCases)).emulates(.other))
  }

  @Test("writing a part of a register writes the register")
  func partialWrites() throws {
    // mov $1,%dil; xor %edx,%edx; mul %rsi; xchg %r8,%rax; cmovne %rax,%rcx
    #expect(try writes([0x40, 0xb7, 0x01]) == .rdi)
    #expect(try writes([0x31, 0xd2]) == .rdx)
    #expect(try writes([0x48, 0xf7, 0xe6]).contains(.rdx))
    #expect(try writes([0x49, 0x90]).contains(.r8))
    #expect(try writes([0x48, 0x0f, 0x45, 0xc8]) == .rcx)
    // rep movsb moves three argument registers
    #expect(try writes([0xf3, 0xa4]).isSuperset(of: [.rdi, .rsi, .rcx]))
    #expect(try writes([0x48, 0x85, 0xff]).isEmpty)
    #expect(try writes([0x55]) == .rsp)
  }

  @Test("an instruction cut off by the end of the code is none")
  func truncated() {
    #expect(Instruction(code: [0xe8, 0, 0], at: 0) == nil)
    #expect(Instruction(code: [0x90], at: 1) == nil)
    #expect(Instruction(code: [], at: 0) == nil)
  }

  private func writes(_ bytes: [UInt8]) throws -> RegisterSet {
    try #require(Instruction(code: bytes, at: 0)).writtenRegisters
  }
}
