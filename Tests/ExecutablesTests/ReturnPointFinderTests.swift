import Foundation
import TestSupport
import Testing

@testable import Executables

/// Functions in assembler, linked into a library, so that addresses, frame descriptions and relocations are real.
@Suite("Return points")
struct ReturnPointFinderTests {
  @Test func `every ret that a path comes to is one, and none of a function that is called`() throws
  {
    let library = try Library(
      """
      function target
        test %rdi, %rdi
        je 1f
        call other
        ret
      1: xor %eax, %eax
        ret
      end target
      function other
        ret
      end other
      """)
    let expected = try library.addresses("target", at: [10, 13])
    #expect(try library.returns(of: "target") == expected)
  }

  @Test func `a function that it ends in returns for it`() throws {
    let library = try Library(
      """
      function target
        test %rdi, %rdi
        jne slow
        ret
      end target
      function slow
        push %rbx
        pop %rbx
        ret
      end slow
      """)
    let expected =
      try library.addresses("target", at: [5]) + library.addresses("slow", at: [2])
    #expect(try library.returns(of: "target") == expected)
  }

  @Test func `the procedure linkage table is followed to a function of the same file`() throws {
    let library = try Library(
      """
      function target
        jmp exported@plt
      end target
      .globl exported
      function exported
        nop
        ret
      end exported
      """)
    let expected = try library.addresses("exported", at: [1])
    #expect(try library.returns(of: "target") == expected)
  }

  @Test func `a function of another file has to be probed`() throws {
    let library = try Library(
      """
      function target
        jmp elsewhere@plt
      end target
      """)
    #expect(throws: ReturnPoints.Obstacle.leavesFile(to: "elsewhere")) {
      try library.returns(of: "target")
    }
    #expect(try library.returns(of: "target", probedNames: ["elsewhere"]).isEmpty)
  }

  @Test func `a path that ends in a probed function is that one's`() throws {
    let library = try Library(
      """
      function target
        test %rdi, %rdi
        jne probed
        ret
      end target
      function probed
        ret
      end probed
      """)
    let expected = try library.addresses("target", at: [5])
    #expect(try library.returns(of: "target", probed: ["probed"]) == expected)
  }

  @Test func `a jump through a register may lead anywhere`() throws {
    let library = try Library(
      """
      function target
        nop
        jmp *%rax
      end target
      """)
    let address = try library.addresses("target", at: [1])[0]
    #expect(throws: ReturnPoints.Obstacle.indirectJump(at: address)) {
      try library.returns(of: "target")
    }
  }

  @Test func `behind a call that does not return, the next function is not taken for more of it`()
    throws
  {
    let library = try Library(
      """
      function target
        test %rdi, %rdi
        je 1f
        ret
      1: call elsewhere@plt
      end target
      function next
        ret
      end next
      """)
    let expected = try library.addresses("target", at: [5])
    #expect(try library.returns(of: "target") == expected)
  }

  @Test func `a loop is followed once`() throws {
    let library = try Library(
      """
      function target
      1: dec %rdi
        jne 1b
        ret
      end target
      """)
    let expected = try library.addresses("target", at: [5])
    #expect(try library.returns(of: "target") == expected)
  }

  @Test func `code without frame description is left alone where it calls something`() throws {
    let library = try Library(
      """
      function target
        jmp bare
      end target
      bare:
        call target
        ret
      """)
    #expect(throws: ReturnPoints.Obstacle.self) { try library.returns(of: "target") }
  }

  @Test func `what hands each call on need not be probed, what does so now and then has to`() throws
  {
    let library = try Library(
      """
      function always
        sub $8, %rsp
        call probed
        add $8, %rsp
        ret
      end always
      function jumps
        jmp exported@plt
      end jumps
      function sometimes
        test %rdi, %rdi
        je 1f
        jmp probed
      1: ret
      end sometimes
      function never
        ret
      end never
      function probed
        ret
      end probed
      .globl exported
      function exported
        ret
      end exported
      """)
    let probed = ["probed", "exported"]
    #expect(try library.alwaysCalls(probed, from: "always"))
    #expect(try library.alwaysCalls(probed, from: "jumps"))
    #expect(try library.alwaysCalls(probed, from: "sometimes") == false)
    #expect(try library.alwaysCalls(probed, from: "never") == false)
    #expect(try library.alwaysCalls([], from: "always") == false)
  }
}

/// A shared library made of assembler text, in which `function` and `end` stand around functions with frame descriptions.
private final class Library {
  private let folder: ScratchDirectory
  private let path: String

  init(_ text: String) throws {
    folder = try ScratchDirectory()
    path = folder.path("library.so")
    let source = folder.path("library.s")
    let macros = """
      .macro function name
      .type \\name, @function
      \\name: .cfi_startproc
      .endm
      .macro end name
      .cfi_endproc
      .size \\name, .-\\name
      .endm
      .text

      """
    try Data((macros + text + "\n.section .note.GNU-stack\n").utf8).write(
      to: URL(filePath: source))
    try Toolchain.run("gcc", "-shared", "-nostdlib", "-o", path, source)
  }

  func addresses(_ function: String, at offsets: [UInt64]) throws -> [UInt64] {
    let file = try ELFFile(opening: path)
    let symbol = try required(file.functionSymbol(named: function))
    return offsets.map { symbol.address + $0 }
  }

  func returns(
    of function: String, probed: [String] = [], probedNames: Set<String> = []
  ) throws -> [UInt64] {
    let entry = try addresses(function, at: [0])[0]
    let probed = Set(try probed.map { try addresses($0, at: [0])[0] })
    let file = try ELFFile(opening: path)
    return try ReturnPointFinder(file).returns(
      of: entry, in: file, probed: .init(addresses: probed, names: probedNames)
    ).addresses
  }

  func alwaysCalls(_ probed: [String], from function: String) throws -> Bool {
    let entry = try addresses(function, at: [0])[0]
    let probed = Set(try probed.map { try addresses($0, at: [0])[0] })
    let file = try ELFFile(opening: path)
    return ReturnPointFinder(file).alwaysCalls(
      .init(addresses: probed), from: entry, in: file)
  }
}
