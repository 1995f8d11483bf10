import AllocationModel
import ProbeABI
import ProbeLogic
import TestSupport
import Testing

@testable import AllocationProbes
@testable import Executables

/// `bpf/lib/stack_walk.bpf.h` and `unwind_rules.bpf.h`, compiled for user space, beside their counterparts in Swift.
/// There is one process: one test at a time.
@Suite(.serialized) struct StackWalkTests {
  // MARK: Rules

  @Test(arguments: ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"])
  func `real tables are searched alike around every border`(path: String) throws {
    let table = UnwindTable(reading: try ELFFile(opening: path))
    var compared = 0
    var differences = 0
    let number = load(table)
    for address in table.interestingAddresses {
      compared += 1
      if logic_rule_in_table(number, address) != table.rule(atRelative: address).bits {
        differences += 1
      }
    }
    #expect(differences == 0)
    #expect(compared > 5000)
  }

  @Test func `a step has been made on all later pages`() {
    var builder = UnwindTableBuilder(textStart: 0)
    builder.add(UnwindRule(.rsp, offset: 16), at: 5)
    builder.add(UnwindRule(.rsp, offset: 24), at: 7)
    builder.add(.end, at: 0x2_0000)
    let table = builder.build()
    let number = load(table)
    let offsets: [UInt32: Int32] = [
      5: 16, 6: 16, 7: 24, 0xffff: 24, 0x1_0004: 24, 0x1_0005: 24, 0x1_0006: 24, 0x1_ffff: 24,
    ]
    #expect(table.rowCount == 3)
    for (address, offset) in offsets {
      #expect(logic_rule_in_table(number, address) == UnwindRule(.rsp, offset: offset).bits)
      #expect(table.rule(atRelative: address) == UnwindRule(.rsp, offset: offset))
    }
  }

  @Test func `damaged tables are never read outside, and searched alike if no index leads there`() {
    var generator = SeededGenerator(seed: 31)
    var wellFormed = 0
    for _ in 0..<1000 {
      let original = randomTable(rowCount: 30, &generator)
      var words = original.words
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        let index = Int.random(in: 0..<words.count, using: &generator)
        let small = UInt32.random(in: 0...200, using: &generator)
        let any = UInt32.random(in: 0 ... .max, using: &generator)
        words[index] = generator.pick([
          0, 1, .max, 1 << 31, words[index] &+ 1, words[index] ^ 1 << 16, small, any,
        ])
      }
      let table = UnwindTable(textStart: 0, words: words)
      let number = load(table)
      let addresses = original.interestingAddresses
      guard table.isWellFormed else {
        for address in addresses { _ = logic_rule_in_table(number, address) }
        continue
      }
      wellFormed += 1
      let differences = addresses.count {
        logic_rule_in_table(number, $0) != table.rule(atRelative: $0).bits
      }
      #expect(differences == 0)
    }
    #expect(200..<950 ~= wellFormed)
  }

  @Test func `words that are no table at all are survived`() {
    var generator = SeededGenerator(seed: 32)
    for _ in 0..<2000 {
      let words = (0..<16 * Int.random(in: 0...6, using: &generator)).map { _ in
        UInt32.random(in: 0 ... .max, using: &generator) >> generator.pick([0, 16, 24])
      }
      let number = load(UnwindTable(textStart: 0, words: words))
      for _ in 0..<50 {
        let shift = UInt32.random(in: 0...31, using: &generator)
        _ = logic_rule_in_table(number, UInt32.random(in: 0 ... .max, using: &generator) >> shift)
      }
    }
  }

  @Test func `a table that is not there is unknown code`() {
    logic_code_reset()
    #expect(logic_rule_in_table(0, 0) == 15)
  }

  // MARK: Walks

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the kernel's walk and that over a copy of the stack are the same`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let code = RandomCode(&generator)
    var endings: [StackEnding: Int] = [:]
    var deep = 0
    for _ in 0..<60 {
      let stack = RandomStack(in: code, &generator)
      let expected = stack.walkedInSwift(code)
      #expect(stack.walked() == expected, "rules searched for")
      #expect(stack.walked() == expected, "rules at hand")
      logic_keep_rules(0)
      #expect(stack.walked() == expected, "rules never kept")
      logic_keep_rules(1)
      endings[expected.ending, default: 0] += 1
      if expected.frames.count > 20 { deep += 1 }
    }
    #expect(deep > 15, "\(endings)")
    #expect(endings.count > 3, "\(endings)")
  }

  @Test func `all endings but that of changing code come up in such walks`() {
    var generator = SeededGenerator(seed: 77)
    let code = RandomCode(&generator)
    let endings = Set((0..<400).map { _ in RandomStack(in: code, &generator).walked().ending })
    #expect(endings == Set(StackEnding.allCases).subtracting([.codeChanging, .notReceived]))
  }
}

extension StackWalkTests {
  @Test func `more frames than are kept end a walk, as many are whole`() {
    logic_code_reset()
    let number = logic_add_table(
      constantTable.words, UInt32(constantTable.words.count))
    logic_add_code(0x10000, 0x20000, 0x10000, number, UNWIND_RSP.rawValue)
    for count in [STACK_MAX_FRAMES, STACK_MAX_FRAMES + 1] {
      // The first frame's address is no word of the stack.
      var words = (1..<UInt64(count)).map { 0x10002 + $0 }
      words += [0, 0]
      let walk = logicWalk(.init(ip: 0x10002, sp: 0x7000, bp: 0, bx: 0), words, start: 0x7000)
      #expect(walk.ending == (count == STACK_MAX_FRAMES ? .complete : .tooDeep))
      #expect(walk.frames == (0..<UInt64(STACK_MAX_FRAMES)).map { 0x10002 + $0 })
    }
  }

  @Test(arguments: [1, 2, 40, 125, 126, 127, 128, 129, 200])
  func `rbp is found above its frame too, at the end of what was read at once as well`(word: Int) {
    logic_code_reset()
    var builder = UnwindTableBuilder(textStart: 0)
    builder.add(UnwindRule(.rsp, offset: 8), at: 1)
    let saving = UnwindRule(.rsp, offset: 8 * Int32(word), saved: SavedRegisters(rbp: 1))
    builder.add(saving, at: 0x100)
    builder.add(UnwindRule(.rbp, offset: 16), at: 0x200)
    builder.add(.end, at: 0x300)
    let words = builder.build().words
    let number = logic_add_table(words, UInt32(words.count))
    logic_add_code(0x10000, 0x20000, 0x10000, number, UNWIND_RSP.rawValue)
    var stack = [UInt64](repeating: 0, count: 400)
    stack[0] = 0x10110
    stack[word] = 0x10210
    stack[word + 2] = 0x7000 + 8 * 350
    stack[351] = 0x10310
    for _ in 0..<2 {
      let walk = logicWalk(.init(ip: 0x10010, sp: 0x7000, bp: 0, bx: 0), stack, start: 0x7000)
      #expect(walk.frames == [0x10010, 0x10110, 0x10210, 0x10310])
      #expect(walk.ending == .complete)
    }
  }

  @Test func `a misaligned rbp is read as it is, and no other word differently for it`() {
    logic_code_reset()
    var builder = UnwindTableBuilder(textStart: 0)
    let fromRBP = SavedRegisters(rbp: 0, isRBPFromRBP: true)
    builder.add(UnwindRule(.rsp, offset: 0x400, saved: fromRBP), at: 1)
    builder.add(UnwindRule(.rbp, offset: 16), at: 0x100)
    builder.add(UnwindRule(.rsp, offset: 8), at: 0x200)
    builder.add(.end, at: 0x300)
    let words = builder.build().words
    let number = logic_add_table(words, UInt32(words.count))
    logic_add_code(0x10000, 0x20000, 0x10000, number, UNWIND_RSP.rawValue)
    var stack = [UInt64](repeating: 0x5a5a_5a5a_5a5a_5a5a, count: 600)
    // rbp = 0x7000 + 0x600 is read from 0x7013 on, lower than what was read together with the return address.
    let rbp: UInt64 = 0x7600
    stack[2] = rbp << 24
    stack[3] = rbp >> 40
    stack[127] = 0x10110
    stack[0x608 / 8] = 0x10210
    stack[0x610 / 8] = 0x10310
    for _ in 0..<2 {
      let walk = logicWalk(.init(ip: 0x10010, sp: 0x7000, bp: 0x7013, bx: 0), stack, start: 0x7000)
      #expect(walk.frames == [0x10010, 0x10110, 0x10210, 0x10310])
      #expect(walk.ending == .complete)
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `a frame pointer leads on from a misaligned stack pointer`(misalignment: UInt64) {
    logic_code_reset()
    logic_add_code(0x10000, 0x20000, 0x10000, 0, UNWIND_FRAME_POINTER.rawValue)
    var stack = [UInt64](repeating: 0, count: 200)
    stack[10] = 0x7000 + 8 * 20
    stack[11] = 0x10020
    stack[21] = 0x10030
    for _ in 0..<2 {
      let registers = StackWalker.Registers(
        ip: 0x10010, sp: 0x7000 + misalignment, bp: 0x7050, bx: 0)
      let walk = logicWalk(registers, stack, start: 0x7000)
      #expect(walk.frames == [0x10010, 0x10020, 0x10030])
      #expect(walk.ending == .complete)
    }
  }

  // MARK: Hashes

  @Test func `a stack's hash tells generations apart only with a frame in code that can be closed`()
  {
    let permanent = UInt32(CODE_PERMANENT)
    func hash(kinds: [UInt32], generation: UInt32, frames: [UInt64]) -> UInt64 {
      logic_code_reset()
      let number = logic_add_table(constantTable.words, UInt32(constantTable.words.count))
      for (index, kind) in kinds.enumerated() {
        let start = UInt64(index + 1) << 16
        logic_add_code(start, start + 0x10000, start, number, UNWIND_RSP.rawValue | kind)
      }
      logic_set_generations(generation, generation)
      let words = frames.dropFirst() + [UInt64](repeating: 0, count: 200)
      let registers = StackWalker.Registers(ip: frames[0], sp: 0x7000, bp: 0, bx: 0)
      let cold = logicWalk(registers, Array(words), start: 0x7000)
      let warm = logicWalk(registers, Array(words), start: 0x7000)
      #expect(cold == warm)
      #expect(cold.frames == frames)
      #expect(cold.ending == .complete)
      return cold.hash
    }
    let mixed = [permanent, 0]
    let closed = [0x10010, 0x20020, 0x10030] as [UInt64]
    let kept = [0x10010, 0x1f020, 0x10030] as [UInt64]
    #expect(
      hash(kinds: mixed, generation: 3, frames: kept)
        == hash(kinds: mixed, generation: 4, frames: kept))
    #expect(
      hash(kinds: mixed, generation: 3, frames: closed)
        != hash(kinds: mixed, generation: 4, frames: closed))
    #expect(
      hash(kinds: [permanent, permanent], generation: 3, frames: closed)
        == hash(kinds: [permanent, permanent], generation: 4, frames: closed))
    #expect(
      hash(kinds: mixed, generation: 3, frames: kept)
        != hash(kinds: mixed, generation: 3, frames: kept.reversed() + [0x10010]))
  }

  @Test func `while changes of code are not known, only what can't be closed is walked`() {
    logic_code_reset()
    let number = logic_add_table(constantTable.words, UInt32(constantTable.words.count))
    logic_add_code(0x10000, 0x20000, 0x10000, number, UNWIND_RSP.rawValue | UInt32(CODE_PERMANENT))
    logic_add_code(0x20000, 0x30000, 0x20000, number, UNWIND_RSP.rawValue)
    func walk() -> WalkResult {
      let words = [0x10020, 0x20010, 0x10030] + [UInt64](repeating: 0, count: 200)
      return logicWalk(.init(ip: 0x10010, sp: 0x7000, bp: 0, bx: 0), words, start: 0x7000)
    }
    #expect(walk().frames == [0x10010, 0x10020, 0x20010, 0x10030])
    logic_set_generations(1, 0)
    // Rules of the generation before are at hand, and not used.
    #expect(walk().frames == [0x10010, 0x10020, 0x20010])
    #expect(walk().ending == .unknownCode)
    logic_set_generations(1, 1)
    #expect(walk().frames == [0x10010, 0x10020, 0x20010, 0x10030])
    #expect(walk().ending == .complete)
  }
}
