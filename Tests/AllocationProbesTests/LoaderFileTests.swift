import Executables
import Foundation
import ProbeABI
import TestSupport
import Testing

@testable import AllocationProbes

@Suite struct LoaderFileTests {
  private static let loaderPath = "/lib64/ld-linux-x86-64.so.2"

  @Test func `the loader's cookie leads from its probe point to r_debug`() throws {
    let file = try ELFFile(opening: Self.loaderPath)
    let found = try LoaderFile(
      file, name: "ld.so", held: HeldFile(opening: Self.loaderPath), profile: .documented)
    let address = found.flatMap { file.segments.address(ofFileOffset: $0.fileOffset) }
    let loader = try #require(found)
    #expect(loader.name == "ld.so")
    #expect(
      loader.cookie & (1 << UInt64(COOKIE_KIND_BITS) - 1) == UInt64(CALL_CODE_CHANGE.rawValue))

    let point = try #require(address)
    let symbols = try dynamicSymbols()
    let function = try #require(symbols["_dl_debug_state"])
    #expect(function..<function + 16 ~= point)
    let distance = Int64(bitPattern: loader.cookie) >> Int64(COOKIE_KIND_BITS)
    #expect(point &+ UInt64(bitPattern: distance) == symbols["_r_debug"])
  }

  @Test func `musl's loader, which is its libc, has a variable that points to r_debug`() throws {
    let path = "/lib/ld-musl-x86_64.so.1"
    let file = try ELFFile(opening: path)
    let pointer = file.variableAddress(named: "_dl_debug_addr")
    let state = pointer.flatMap { file.initialPointer(at: $0) }
    let cookie = try LoaderFile(
      file, name: "", held: HeldFile(opening: path), profile: .documented)?.cookie
    let function = file.functionSymbol(named: "_dl_debug_state")?.address
    let distance = Int64(bitPattern: try #require(cookie)) >> Int64(COOKIE_KIND_BITS)
    #expect(try #require(function) &+ UInt64(bitPattern: distance) == state)
    #expect(state != nil)
  }

  @Test func `libc is no loader`() throws {
    let path = "/lib/x86_64-linux-gnu/libc.so.6"
    let file = try ELFFile(opening: path)
    #expect(
      try LoaderFile(file, name: "libc", held: HeldFile(opening: path), profile: .documented)?
        .fileOffset == nil)
  }

  @Test func `a file needs both the function and the variable`() throws {
    let function = ELFBuilder.Symbol("_dl_debug_state", at: 0x1000)
    let variable = ELFBuilder.Symbol("_r_debug", at: 0x1020, type: 1)
    #expect(try loader(symbols: [function]) == nil)
    #expect(try loader(symbols: [variable]) == nil)
    // Before the function: the distance is negative.
    let before = ELFBuilder.Symbol("_r_debug", at: 0x800, type: 1)
    #expect(try loader(symbols: [function, variable])?.cookie == 0x20 << 8 | 13)
    #expect(
      try loader(symbols: [function, before])?.cookie == UInt64(bitPattern: -0x800 << 8 | 13))
  }

  private func loader(symbols: [ELFBuilder.Symbol]) throws -> LoaderFile? {
    var builder = ELFBuilder()
    builder.dynamicSymbols = symbols
    let folder = try ScratchDirectory()
    try Data(builder.build()).write(to: URL(filePath: folder.path("ld.so")))
    let file = try ELFFile(opening: folder.path("ld.so"))
    return try LoaderFile(
      file, name: "ld.so", held: HeldFile(opening: folder.path("ld.so")), profile: .documented)
  }

  /// Values by name without version, as nm(1) has them.
  private func dynamicSymbols() throws -> [Substring: UInt64] {
    let lines = try Toolchain.run("nm", "-D", Self.loaderPath).split(separator: "\n")
    var values: [Substring: UInt64] = [:]
    for line in lines {
      let fields = line.split(separator: " ")
      guard fields.count == 3, let value = UInt64(fields[0], radix: 16) else { continue }
      values[fields[2].prefix { $0 != "@" }] = value
    }
    return values
  }
}
