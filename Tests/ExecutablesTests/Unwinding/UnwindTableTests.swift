import ProbeABI
import TestSupport
import Testing

@testable import Executables

@Suite("Unwind tables")
struct UnwindTableTests {
  @Test("a table lies in memory as the kernel programs read it")
  func layout() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    // advance_loc 8; def_cfa_offset 32
    frames.addFunction(at: 0x1000, count: 64, [0x48, 0x0e, 32])
    let table = try table(of: elf(frames))
    #expect(table.textStart == 0)
    // Header, directory of one page, rows, rules: none, unsupported, rsp + 8, rsp + 32.
    #expect(Array(table.words[0..<6]) == [1, 16, 18, 4, 22, 4])
    #expect(Array(table.words[16..<18]) == [0, 4])
    #expect(Array(table.words[18..<22]) == [0x0000_0000, 0x0002_1000, 0x0003_1008, 0x0000_1040])
    #expect(Array(table.words[22..<30]) == [0, 0, 10, 0, 1, 8, 1, 32])
    #expect(table.words.count == 32)
    #expect(table.words[30...] == [0, 0])
    #expect((table.rowCount, table.ruleCount, table.byteCount) == (4, 4, 128))
    #expect(table.isWellFormed)
  }

  @Test("a file without frames has an empty table")
  func empty() throws {
    let table = try table(of: ELFBuilder())
    #expect(table == .empty)
    #expect((table.rowCount, table.ruleCount, table.byteCount) == (0, 0, 0))
    #expect(table.rule(at: 0x1000) == .none)
    #expect(table.isWellFormed)
  }

  @Test("a push or pop up to three bytes behind a row takes no row of its own")
  func steps() throws {
    // Pushes after 1, 3 and 5 bytes, pops after 20 and 21 bytes.
    let table = try table([
      0x41, 0x0e, 16, 0x42, 0x0e, 24, 0x42, 0x0e, 32, 0x4f, 0x0e, 24, 0x41, 0x0e, 16,
    ])
    #expect(
      table.rules(at: [0, 1, 2, 3, 4, 5, 19, 20, 21])
        == [8, 16, 16, 24, 24, 32, 32, 24, 16].map { rsp($0) }
    )
    // Nothing at all, three pairs, and the end.
    #expect(table.rowCount == 5)
    let rows = Int(table.words[2])
    let rule = Int(table.words[4]) + 2 * Int(table.words[rows + 1] >> 16)
    #expect(table.words[rule] == 1 | 1 << UInt32(UNWIND_STEP_SHIFT))
    #expect(table.rules(at: [63, 64]) == [rsp(16), .none])
  }

  @Test("what is no push stays a row")
  func noSteps() throws {
    for instructions: [UInt8] in [
      [0x44, 0x0e, 16], [0x41, 0x0e, 24], [0x41, 0x0e, 16, 0x86, 2], [0x41, 0x0c, 6, 16],
    ] {
      let table = try table(instructions)
      #expect(table.rowCount == 4, "\(instructions)")
      #expect(table.rule(at: 0x1000) == rsp(8))
    }
    let framePointer = try table([0x0c, 6, 16, 0x41, 0x0e, 24])
    #expect(framePointer.rowCount == 4)
  }

  @Test("rows that change nothing are dropped, also over functions")
  func unchanged() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 32, [0x44, 0x8c, 2, 0x44, 0x8d, 3])
    frames.addFunction(at: 0x1020, count: 32)
    #expect(try table(of: elf(frames)).rowCount == 3)
  }

  @Test("padding up to the next function has no row, a gap has", arguments: [15, 16, 17])
  func gaps(gap: UInt64) throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 64 - gap, [0x0e, 32])
    frames.addFunction(at: 0x1040, count: 16, [0x0e, 48])
    let table = try table(of: elf(frames))
    let expected: UnwindRule = gap <= 15 ? rsp(32) : .none
    #expect(
      table.rules(at: [63 - gap, 64 - gap, 63, 64]) == [rsp(32), expected, expected, rsp(48)])
  }

  @Test("a gap before a function that is not aligned so is no padding")
  func unalignedGap() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 32, [0x0e, 32])
    frames.addFunction(at: 0x1028, count: 16, [0x0e, 48])
    #expect(try table(of: elf(frames)).rules(at: [31, 32, 40]) == [rsp(32), .none, rsp(48)])
  }

  @Test("functions come in any order")
  func order() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    for start: UInt64 in [0x1040, 0x1000, 0x1080, 0x1020] {
      frames.addFunction(at: start, count: 32, [0x0e, UInt8(start & 0xff) / 4 + 8])
    }
    let table = try table(of: elf(frames))
    #expect(
      table.rules(at: [0, 0x20, 0x40, 0x60, 0x80]) == [rsp(8), rsp(16), rsp(24), .none, rsp(40)])
  }

  @Test("of overlapping functions the later start wins, of equal ones the first that is written")
  func overlapping() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 64, [0x0e, 16])
    frames.addFunction(at: 0x1010, count: 16, [0x0e, 24])
    frames.addFunction(at: 0x1010, count: 64, [0x0e, 32])
    let table = try table(of: elf(frames))
    #expect(table.rules(at: [15, 16, 31, 32]) == [rsp(16), rsp(24), rsp(24), .none])
  }

  @Test("rules hold over page borders, and no step crosses one")
  func pages() throws {
    var frames = CallFrameBuilder()
    frames.address = 0x5_0000
    frames.addCommon()
    frames.addFunction(at: 0x1_fffe, count: 0x2_0010, [0x0e, 16, 0x42, 0x0e, 24])
    var builder = elf(frames)
    builder.codeAddress = 0x1_f000
    builder.code = Array(repeating: 0x90, count: 0x3_0000)
    let table = try table(of: builder)
    #expect(table.textStart == 0x1_0000)
    let header = Array(table.words[0..<6])
    #expect(header[0] == 4)
    #expect(Array(table.words[16..<21]) == [0, 2, 3, 3, 4])
    for (address, rule) in [
      (0x1_fffd, .none), (0x1_fffe, rsp(16)), (0x1_ffff, rsp(16)), (0x2_0000, rsp(24)),
      (0x2_ffff, rsp(24)), (0x3_0000, rsp(24)), (0x3_fffe, rsp(24)), (0x4_000d, rsp(24)),
      (0x4_000e, .none), (0x5_0000, .none), (0xffff, .none), (0x1_0000, .none),
    ] as [(UInt64, UnwindRule)] {
      #expect(table.rule(at: address) == rule, "\(String(address, radix: 16))")
    }
  }

  @Test("the text starts at any address, and ends where 32 bits do")
  func farText() throws {
    var frames = CallFrameBuilder()
    frames.addCommon(encoding: 0x00)
    let start: UInt64 = 0xffff_8000_0001_2340
    frames.addFunction(at: start, count: 32)
    var builder = elf(frames)
    builder.codeAddress = start
    let table = try table(of: builder)
    #expect(table.textStart == 0xffff_8000_0001_0000)
    #expect(table.rule(at: start) == rsp(8))
    #expect(table.rule(at: start + 32) == .none)
    #expect(table.rule(at: .max) == .none)
  }

  @Test("the function that a program starts with has no caller")
  func entry() throws {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 32)
    frames.addFunction(at: 0x1400, count: 32, [0x0e, 16])
    var builder = elf(frames)
    // Described without saying anything, described, followed by another function, and by nothing.
    builder.entry = 0x1008
    #expect(try table(of: builder).rules(at: [0, 31, 32]) == [.end, .end, .none])
    builder.entry = 0x1400
    #expect(try table(of: builder).rules(at: [0, 0x400]) == [rsp(8), rsp(16)])
    builder.entry = 0x13e0
    #expect(
      try table(of: builder).rules(at: [0x3df, 0x3e0, 0x3ff, 0x400]) == [
        .none, .end, .end, rsp(16),
      ])
    builder.entry = 0x1500
    #expect(
      try table(of: builder).rules(at: [0x420, 0x4ff, 0x500, 0x57f, 0x580]) == [
        .none, .none, .end, .end, .none,
      ])
    builder.entry = 0x9000
    #expect(try table(of: builder).rules(at: [0, 32]) == [rsp(8), .none])
  }

  @Test("an entry below all functions moves the start of the text")
  func lowEntry() throws {
    var frames = CallFrameBuilder()
    frames.address = 0x4_0000
    frames.addCommon()
    frames.addFunction(at: 0x2_1000, count: 32)
    var builder = elf(frames)
    builder.code = Array(repeating: 0x90, count: 0x3_0000)
    builder.entry = 0x1000
    let table = try table(of: builder)
    #expect(table.textStart == 0)
    #expect(table.rule(at: 0x1000) == .end)
    #expect(table.rule(at: 0x1080) == .none)
    #expect(table.rule(at: 0x2_1000) == rsp(8))
  }

  @Test("rules without a number left are unsupported")
  func ruleLimit() throws {
    var builder = UnwindTableBuilder(textStart: 0)
    // Two numbers are taken by `.none` and `.unsupported`.
    let ruleCount: UInt32 = 70_000
    for index in 0..<ruleCount { builder.add(rsp(Int32(index * 16)), at: index * 16) }
    let table = builder.build()
    #expect(table.ruleCount == 1 << 16)
    #expect(table.rule(at: 65_533 * 16) == rsp(65_533 * 16))
    #expect(table.rule(at: 65_534 * 16) == .unsupported)
    #expect(table.rule(at: 69_999 * 16) == .unsupported)
    #expect(table.isWellFormed)
  }

  @Test("a table that has as many rows as it may ends in one without rule")
  func rowLimit() throws {
    var builder = UnwindTableBuilder(textStart: 0x10000, rowLimit: 10)
    for index in 0..<UInt32(100) { builder.add(rsp(Int32(index) * 16), at: 0x100 + index * 0x4000) }
    let table = builder.build()
    #expect(table.rowCount == 10)
    #expect(table.rule(at: 0x10100 + 7 * 0x4000) == rsp(7 * 16))
    #expect(table.rule(at: 0x10100 + 8 * 0x4000) == .none)
    #expect(table.rule(at: 0x10100 + 99 * 0x4000) == .none)
    #expect(table.isWellFormed)
  }

  @Test("words that lead outside are no table")
  func malformed() throws {
    let good = try table([0x41, 0x0e, 16, 0x48, 0x0e, 48])
    #expect(good.isWellFormed)
    for (index, value) in [
      (0, 0), (0, 99), (1, 99), (2, 99), (3, 0), (3, 99), (4, 99), (4, 21), (5, 0), (5, 99),
      (0, .max),
      (1, .max), (2, .max), (3, .max), (4, .max), (5, .max), (16, 9), (17, 1), (19, .max),
    ] as [(Int, UInt32)] {
      var words = good.words
      words[index] = value
      #expect(!UnwindTable(textStart: 0, words: words).isWellFormed, "word \(index): \(value)")
    }
    #expect(!UnwindTable(textStart: 1, words: good.words).isWellFormed)
    #expect(!UnwindTable(textStart: 0, words: good.words.dropLast()).isWellFormed)
    #expect(!UnwindTable(textStart: 0, words: Array(good.words[..<16])).isWellFormed)
  }
}
