import Executables
import TestSupport
import Testing

@Suite("Damaged ELF files")
struct ELFMutationTests {
  @Test("no changed, cut or random file crashes or hangs the reader", arguments: [true, false])
  func mutations(is64Bit: Bool) throws {
    let original = Self.original(is64Bit: is64Bit)
    let temporary = try TemporaryFile(original)
    var generator = SeededGenerator(seed: is64Bit ? 64 : 32)
    for _ in 0..<1500 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        Self.damage(&bytes, &generator)
      }
      try temporary.write(bytes)
      Self.readEverything(temporary.path)
    }
  }

  @Test("every prefix of a file is survived")
  func prefixes() throws {
    let original = Self.original(is64Bit: true)
    let temporary = try TemporaryFile(original)
    for count in stride(from: 0, through: original.count, by: 3) {
      try temporary.write(Array(original.prefix(count)))
      Self.readEverything(temporary.path)
    }
  }

  @Test("random bytes behind the magic are survived")
  func random() throws {
    let temporary = try TemporaryFile([])
    var generator = SeededGenerator(seed: 3)
    for round in 0..<500 {
      var bytes = (0..<512).map { _ in UInt8.random(in: 0...255, using: &generator) }
      bytes.replaceSubrange(0..<7, with: [0x7f, 0x45, 0x4c, 0x46, UInt8(1 + round % 2), 1, 1])
      try temporary.write(bytes)
      Self.readEverything(temporary.path)
    }
  }

  private static func original(is64Bit: Bool) -> [UInt8] {
    var builder = ELFBuilder()
    builder.is64Bit = is64Bit
    builder.buildID = Array(1...20)
    builder.interpreter = "/lib64/ld-linux-x86-64.so.2"
    builder.symbols = [.init("f", at: 0x1000), .init("g@@V", at: 0x1010), .init("h", at: 0x1020)]
    builder.dynamicSymbols = [.init("malloc", at: 0x1000), .init("free", at: 0x1010)]
    return builder.build()
  }

  /// Changes a byte, or a whole field to an extreme, or cuts the file; headers more often than the rest.
  private static func damage(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    guard bytes.count > 8 else { return }
    let end = Bool.random(using: &generator) ? min(bytes.count, 160) : bytes.count
    let position = Int.random(in: 4..<end, using: &generator)
    switch Int.random(in: 0..<8, using: &generator) {
    case 0: bytes.removeLast(Int.random(in: 1..<bytes.count - 4, using: &generator))
    case 1...4: bytes[position] = UInt8.random(in: 0...255, using: &generator)
    default:
      let width = [2, 4, 8].randomElement(using: &generator) ?? 4
      let extreme: [UInt8] = [0x00, 0x01, 0x7f, 0x80, 0xff]
      let value = extreme.randomElement(using: &generator) ?? 0
      for index in position..<min(position + width, bytes.count) { bytes[index] = value }
    }
  }

  private static func readEverything(_ path: String) {
    guard let file = try? ELFFile(opening: path) else { return }
    _ = file.functionSymbols(named: ["f", "malloc"]).values.map { symbol in
      (try? file.code(of: symbol))?.count
    }
    let module = Module(reading: file)
    _ = module.symbols.symbol(at: 0x1000)
    _ = module.segments.address(ofFileOffset: 0)
  }
}
