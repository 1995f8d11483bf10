import Executables
import Foundation
import Processes
import TestSupport
import Testing

@Suite("ELF files")
struct ELFFileTests {
  @Test("headers, segments, build id and loader are read", arguments: [true, false])
  func headers(is64Bit: Bool) throws {
    var builder = ELFBuilder()
    builder.is64Bit = is64Bit
    builder.type = 2
    builder.machine = is64Bit ? 62 : 3
    builder.code = Array(0..<64)
    builder.codeAddress = 0x40_1000
    builder.buildID = Array(0xa0..<0xb4)
    builder.interpreter = "/lib/ld.so"
    let temporary = try TemporaryFile(builder.build())
    let file = try ELFFile(opening: temporary.path)
    #expect(file.is64Bit == is64Bit)
    #expect(file.isX86_64 == is64Bit)
    #expect(file.machine == builder.machine)
    #expect(file.type == .executable)
    #expect(file.buildID == "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3")
    #expect(file.interpreter == "/lib/ld.so")
    #expect(file.segments.segments.count == 1)
    let start = try required(file.segments.fileOffset(ofAddress: 0x40_1000))
    #expect(file.segments.address(ofFileOffset: start + 5) == 0x40_1005)
    #expect(file.segments.fileOffset(ofAddress: 0x40_103f) == start + 63)
    #expect(file.segments.fileOffset(ofAddress: 0x40_1040) == nil)
    #expect(file.segments.fileOffset(ofAddress: 0x40_0fff) == nil)
    #expect(file.segments.address(ofFileOffset: 0) == nil)
    #expect(try file.bytes(at: 0x40_1002, count: 3) == [2, 3, 4])
    #expect(try file.bytes(at: 0x40_103e, count: 100) == [62, 63])
    #expect(try file.bytes(at: 0, count: 1) == [])
  }

  @Test("a build id is found in its section where there are no program headers")
  func buildIDSection() throws {
    var builder = ELFBuilder()
    builder.hasProgramHeaders = false
    builder.buildID = [1, 2, 3]
    #expect(try open(builder) { $0.buildID } == "010203")
    builder.hasProgramHeaders = true
    builder.hasSections = false
    #expect(try open(builder) { $0.buildID } == "010203")
    builder.buildID = []
    #expect(try open(builder) { $0.buildID } == nil)
  }

  @Test("functions are found in both tables, with what a probe needs", arguments: [true, false])
  func functions(is64Bit: Bool) throws {
    var builder = ELFBuilder()
    builder.is64Bit = is64Bit
    builder.code = Array(0..<64)
    builder.symbols = [
      .init("local", at: 0x1010, size: 8, binding: 0),
      .init("data", at: 0x1020, type: 1),
      .init("undefined", at: 0x1020, section: 0),
      .init("outside", at: 0x9000),
    ]
    builder.dynamicSymbols = [
      .init("malloc", at: 0x1004, size: 12),
      .init("memcpy", at: 0x1030, type: 10),
      .init("weak", at: 0x1038, binding: 2),
    ]
    let temporary = try TemporaryFile(builder.build())
    let file = try ELFFile(opening: temporary.path)
    let malloc = try required(file.functionSymbol(named: "malloc"))
    #expect(malloc.address == 0x1004)
    #expect(malloc.byteCount == 12)
    #expect(malloc.binding == .global)
    #expect(!malloc.isIndirect)
    #expect(malloc.fileOffset == file.segments.fileOffset(ofAddress: 0x1004))
    #expect(try file.code(of: malloc) == Array(4..<16))
    #expect(file.functionSymbol(named: "memcpy")?.isIndirect == true)
    let found = file.functionSymbols(named: ["local", "weak", "data", "undefined", "mal", ""])
    #expect(found.keys.sorted() == ["local", "weak"])
    #expect(found["local"]?.binding == .local)
    #expect(found["weak"]?.binding == .weak)
    let outside = try required(file.functionSymbol(named: "outside"))
    #expect(outside.fileOffset == nil)
    #expect(try file.code(of: outside) == [])
  }

  @Test("versions are no part of names, and the one programs link with today is taken")
  func versions() throws {
    var builder = ELFBuilder()
    builder.symbols = [
      .init("a@OLD", at: 0x1000), .init("a@@NEW", at: 0x1010), .init("a@OLDER", at: 0x1020),
    ]
    builder.dynamicSymbols = [
      .init("b", at: 0x1000, version: 0x8002), .init("b", at: 0x1010, version: 3),
      .init("c", at: 0x1020, version: 0x8002),
    ]
    #expect(try open(builder) { $0.functionSymbol(named: "a")?.address } == 0x1010)
    #expect(try open(builder) { $0.functionSymbol(named: "b")?.address } == 0x1010)
    #expect(try open(builder) { $0.functionSymbol(named: "c")?.isDefaultVersion } == false)
    #expect(try open(builder) { $0.functionSymbol(named: "a@OLD") == nil })
  }

  @Test("lies about the symbol tables cost the symbols, not the process")
  func lies() throws {
    var builder = ELFBuilder()
    builder.buildID = [1]
    builder.symbols = [.init("f", at: 0x1000)]
    // A table that is its own string table, one linked to nothing, and one to the code.
    for link: UInt32 in [3, 0, 1, 99, .max] {
      builder.symbolLink = link
      #expect(try open(builder) { $0.functionSymbol(named: "f") == nil })
    }
    builder.symbolLink = nil
    for byteCount: UInt64 in [1 << 20, 1 << 40, 1 << 62, .max, 25] {
      builder.symbolTableByteCount = byteCount
      #expect(try open(builder) { $0.buildID } == "01")
      _ = try open(builder) { $0.functionSymbol(named: "f") }
    }
  }

  @Test("counts beyond 16 bits are refused before memory is spent on them")
  func extendedNumbering() throws {
    var bytes = ELFBuilder().build()
    // e_shnum 0 with sections: the count is in the first section header's sh_size.
    bytes[60...61] = [0, 0]
    let sections = Int(bytes[40]) | Int(bytes[41]) << 8
    for index in 0..<8 { bytes[sections + 32 + index] = 0x7f }
    #expect(throws: ExecutableError.self) { try open(bytes) }
    var segments = ELFBuilder().build()
    segments[56...57] = [0xff, 0xff]
    #expect(throws: ExecutableError.self) { try open(segments) }
  }

  @Test("what is no ELF file is an error that says so")
  func notELF() throws {
    for bytes: [UInt8] in [[], [0x7f], Array("#!/bin/sh\n".utf8), Array("!<arch>\n".utf8)] {
      let temporary = try TemporaryFile(bytes)
      #expect(throws: ExecutableError.notELF(path: temporary.path)) {
        _ = try ELFFile(opening: temporary.path)
      }
    }
    #expect(throws: ExecutableError.self) { try open([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) }
    #expect(throws: ExecutableError.self) { _ = try ELFFile(opening: "/nonexistent") }
  }

  @Test("a file that shrinks while it is read gives what is left")
  func shrinks() throws {
    var builder = ELFBuilder()
    builder.symbols = (0..<2000).map { .init("function\($0)", at: 0x1000 + UInt64($0)) }
    let bytes = builder.build()
    for remaining in [0, 40, 64, 200, bytes.count / 2, bytes.count - 1] {
      let temporary = try TemporaryFile(bytes)
      let file = try ELFFile(opening: temporary.path)
      temporary.truncate(to: remaining)
      _ = file.functionSymbol(named: "function1")
      #expect(try file.bytes(at: 0x1000, count: 64).count <= 64)
    }
  }

  @Test("libc names malloc, and its code is readable")
  func libc() throws {
    let mapping = try #require(try mappedLibc())
    let file = try ELFFile(opening: try #require(mapping.path))
    #expect(file.isX86_64 == true)
    #expect(file.type == .shared)
    #expect(file.buildID?.count == 40)
    let malloc = try required(file.functionSymbol(named: "malloc"))
    #expect(malloc.byteCount > 0)
    #expect(malloc.isDefaultVersion)
    let code = try file.code(of: malloc)
    #expect(UInt64(code.count) == malloc.byteCount)
    // The linker's own view of where it is.
    let loaded = UInt64(UInt(bitPattern: dlsym(nil, "malloc")))
    let fileOffset = loaded - mapping.start + mapping.fileOffset
    #expect(malloc.fileOffset == fileOffset)
    #expect(file.segments.address(ofFileOffset: fileOffset) == malloc.address)
  }

  private func open<Result>(
    _ builder: ELFBuilder,
    _ body: (borrowing ELFFile) throws -> Result
  ) throws -> Result {
    let temporary = try TemporaryFile(builder.build())
    return try body(try ELFFile(opening: temporary.path))
  }

  private func open(_ bytes: [UInt8]) throws {
    let temporary = try TemporaryFile(bytes)
    _ = try ELFFile(opening: temporary.path)
  }
}
