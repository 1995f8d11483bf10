import Foundation
import TestSupport
import Testing

@testable import Executables

/// A few hundred files are a test; `make fuzz` runs it for as long as one likes.
@Suite("Damaged call frame information")
struct UnwindMutationTests {
  private static let fileCount = 500
  /// Time that one file of a few KiB may take on a busy machine.
  private static let patience = Duration.seconds(2)
  /// Directory and padding of the largest table, and what one byte of a file can become in it.
  private static let tableByteLimit = 272 << 10
  private static let wordBytesPerFileByte = 16

  @Test("no file crashes the compiler, occupies it or makes a table that leads outside")
  func mutations() throws {
    let seconds = ProcessInfo.processInfo.environment["HEAPTAP_FUZZ_SECONDS"].flatMap { Double($0) }
    let seed = seconds == nil ? 1 : UInt64.random(in: 0..<(1 << 32))
    var mutator = ExecutableMutator(try Self.originals(), seed: seed)
    let file = try TemporaryFile([])
    if seconds != nil { print("seed \(seed); the latest file is \(file.path)") }
    let clock = ContinuousClock()
    let end = seconds.map { clock.now + .seconds($0) }
    var executions = 0
    var tables = 0
    while end.map({ clock.now < $0 }) ?? (executions < Self.fileCount) {
      let bytes = mutator.next()
      try file.write(bytes)
      let start = clock.now
      let table = (try? Self.table(file.path)) ?? .empty
      #expect(clock.now - start < Self.patience)
      #expect(table.byteCount < Self.tableByteLimit + Self.wordBytesPerFileByte * bytes.count)
      #expect(table.isWellFormed)
      Self.search(table, &mutator)
      Self.searchDamaged(table, &mutator)
      executions += 1
      tables += table.isEmpty ? 0 : 1
    }
    if seconds != nil {
      var usage = rusage()
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      print("\(executions) files, \(tables) tables, at most \(usage.ru_maxrss >> 10) MiB")
    }
    // Much damage leaves something to compile.
    #expect(tables > executions / 8)
  }

  @Test("every prefix of a file is survived")
  func prefixes() throws {
    for original in try Self.originals().prefix(2) {
      let file = try TemporaryFile(original)
      for count in stride(from: 0, through: original.count, by: 7) {
        try file.write(Array(original.prefix(count)))
        #expect(((try? Self.table(file.path)) ?? .empty).isWellFormed)
      }
    }
  }

  private static func table(_ path: String) throws -> UnwindTable {
    UnwindTable(reading: try ELFFile(opening: path))
  }

  private static func search(_ table: UnwindTable, _ mutator: inout ExecutableMutator) {
    for _ in 0..<8 { _ = table.rule(at: table.textStart &+ UInt64(mutator.number(below: 0x4000))) }
    for address in [0, table.textStart, table.textStart &- 1, .max] { _ = table.rule(at: address) }
  }

  /// What is taken for a table can be searched.
  private static func searchDamaged(_ table: UnwindTable, _ mutator: inout ExecutableMutator) {
    guard !table.isEmpty else { return }
    var words = table.words
    words[mutator.number(below: min(words.count, 32))] = UInt32(mutator.number(below: 64))
    let damaged = UnwindTable(textStart: table.textStart, words: words)
    if damaged.isWellFormed { search(damaged, &mutator) }
  }

  /// Small files that have every form of rule and of section, and two that a linker made.
  private static func originals() throws -> [[UInt8]] {
    var frames = CallFrameBuilder()
    frames.address = 0x2000
    let common = frames.addCommon()
    var start: UInt64 = 0x1000
    for form in UnwindRuleFormTests.forms {
      frames.addFunction(at: start, count: 16, [0x41] + form.instructions, of: common)
      start += 20
    }
    let signal = frames.addCommon(augmentation: "zRS")
    frames.addFunction(at: start, count: 16, UnwindRuleFormTests.signalFrame, of: signal)
    var debugging = CallFrameBuilder()
    debugging.isDebugging = true
    let plain = debugging.addCommon(version: 4, augmentation: "")
    debugging.addFunction(at: 0x1000, count: 64, [0x44, 0x0a, 0x0e, 16, 0x44, 0x0b], of: plain)
    debugging.addFunction(at: 0x1600, count: 64, [0x44, 0x86, 2, 0x0e, 16], of: plain)
    var builder = elf(frames)
    builder.code = Array(repeating: 0x90, count: 0x700)
    var stripped = builder
    stripped.hasSections = false
    stripped.hasFrameHeader = true
    var both = builder
    both.debugFrames = debugging.bytes
    both.entry = 0x1680
    let linked = ["/usr/lib/x86_64-linux-gnu/libdl.so.2", "/usr/bin/true"].compactMap {
      FileManager.default.contents(atPath: $0).map { [UInt8]($0) }
    }
    return [builder.build(), stripped.build(), both.build(), elf(debugging).build()]
      + linked.filter { $0.count < 64 << 10 }
  }
}
