import Foundation
import TestSupport
import Testing

@testable import Executables

@Suite("Names in the dynamic section")
struct DynamicNamesTests {
  @Test("libstdc++ needs what readelf says it does")
  func library() throws {
    let path = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"
    let names = try ELFFile(opening: path).dynamicNames()
    #expect(names.ownName == "libstdc++.so.6")
    #expect(Set(names.needed).isSuperset(of: ["libm.so.6", "libc.so.6", "libgcc_s.so.1"]))
    let lines = try Toolchain.run("readelf", "-dW", path).split(separator: "\n")
    let needed = lines.filter { $0.contains("(NEEDED)") }
      .compactMap { $0.split(separator: "[").last?.prefix { $0 != "]" } }
    #expect(names.needed == needed.map(String.init))
  }

  // DT_STRTAB, DT_SONAME and DT_NEEDED are 5, 14 and 1; the code begins with the strings.
  private static let strings = "\0libm.so.6\0libown.so\0libc.so.6\0"
  private static let own = ELFFile.DynamicNames(
    ownName: "libown.so", needed: ["libm.so.6", "libc.so.6"])

  private static func builder(_ dynamic: [(tag: UInt64, value: UInt64)]) -> ELFBuilder {
    var builder = ELFBuilder()
    builder.code = Array(strings.utf8) + Array(repeating: 0x90, count: 32)
    builder.dynamic = dynamic
    return builder
  }

  private static let whole: [(tag: UInt64, value: UInt64)] = [
    (1, 1), (14, 11), (1, 21), (5, 0x1000), (0, 0), (1, 1),
  ]

  @Test("libraries are in order, whatever the order of the other entries; the first null ends them")
  func order() throws {
    #expect(try names(Self.builder(Self.whole)) == Self.own)
    let sorted = [Self.whole[3]] + Self.whole[..<3]
    #expect(try names(Self.builder(sorted)) == Self.own)
  }

  @Test("without a string table there are no names")
  func withoutStrings() throws {
    #expect(try names(Self.builder([(1, 1), (14, 11)])) == .init())
    #expect(try names(Self.builder([(5, 0x7000), (1, 1), (14, 11)])) == .init())
  }

  @Test("names outside of the file, of no bytes or without an end are left out")
  func damagedNames() throws {
    // 32 bytes of 0x90 from 31 on, up to the end of the segment, are no string.
    let dynamic: [(tag: UInt64, value: UInt64)] = [
      (5, 0x1000), (1, 1), (1, 0), (1, 31), (1, 1 << 20), (1, .max), (14, .max - 0x1000), (1, 21),
    ]
    let found = try names(Self.builder(dynamic))
    #expect(found.needed == ["libm.so.6", "libc.so.6"])
    #expect(found.ownName == nil)
  }

  @Test("files without a dynamic section, and of 32 bits, have none")
  func none() throws {
    #expect(try names(ELFBuilder()) == .init())
    var small = Self.builder(Self.whole)
    small.is64Bit = false
    #expect(try names(small) == .init())
  }

  @Test("no damage to the file does more than lose or change names")
  func damaged() throws {
    let original = Self.builder(Self.whole).build()
    let file = try TemporaryFile(original)
    var generator = SeededGenerator(seed: 12)
    var readable = 0
    var unlike = 0
    for round in 0..<1500 {
      var bytes = original
      if round % 8 == 0 { bytes.removeLast(Int.random(in: 1..<original.count, using: &generator)) }
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0
      }
      try file.write(bytes)
      guard let elf = try? ELFFile(opening: file.path) else { continue }
      let names = elf.dynamicNames()
      readable += 1
      if names != Self.own { unlike += 1 }
      #expect(names.needed.allSatisfy { !$0.isEmpty })
    }
    #expect(readable > 500)
    #expect(unlike > 50)
  }

  private func names(_ builder: ELFBuilder) throws -> ELFFile.DynamicNames {
    let file = try TemporaryFile(builder.build())
    return try ELFFile(opening: file.path).dynamicNames()
  }
}
