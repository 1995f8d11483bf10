import AllocationModel
import ProbeABI
import ProbeLogic
import TestSupport

@testable import AllocationProbes
@testable import Executables

/// What a walk has found, the first frame included.
struct WalkResult: Equatable {
  var frames: [UInt64]
  var ending: StackEnding
  /// 0 where there is none.
  var hash: UInt64 = 0

  static func == (a: Self, b: Self) -> Bool {
    a.frames == b.frames && a.ending == b.ending && (a.hash == b.hash || a.hash == 0 || b.hash == 0)
  }
}

/// The kernel programs' walk over these words. Less than a KiB can't be read at once, which takes other ways.
func logicWalk(
  _ registers: StackWalker.Registers, _ words: [UInt64], start: UInt64, trimming: Int = 0
) -> WalkResult {
  var frames = [UInt64](repeating: 0, count: Int(STACK_MAX_FRAMES))
  let walk = logic_walk_stack(
    .init(ip: registers.ip, sp: registers.sp, bp: registers.bp, bx: registers.bx), words, start,
    UInt64(words.count * 8 - trimming), &frames)
  return WalkResult(
    frames: Array(frames.prefix(Int(walk.frame_count))),
    ending: ProbeEvent.endings[walk.ending] ?? .badFrame, hash: walk.hash)
}

/// Code of 64 KiB and more in which each function has a rule, known to the kernel programs.
struct RandomCode {
  static let start: UInt64 = 0x40_0000
  /// Code without tables.
  static let framePointers: Range<UInt64> = 0x80_0000..<0x80_1000
  static let nothing: Range<UInt64> = 0x81_0000..<0x81_1000

  let table: UnwindTable
  /// Return addresses to choose from; each function has some.
  let addresses: [UInt64]
  /// Functions that end a walk.
  let ends: [UInt64]

  init(_ generator: inout SeededGenerator) {
    table = randomTable(rowCount: 400, &generator)
    let table = table
    let all = table.interestingAddresses.map { Self.start + UInt64($0) + 1 }
      .filter { Self.rule(at: $0 - 1, table) != nil }
    let endingKinds: [UnwindRule.Kind?] = [.end, UnwindRule.Kind.none, .unsupported, nil]
    let isEnd = { endingKinds.contains(Self.rule(at: $0 - 1, table)?.kind) }
    addresses = all.filter { !isEnd($0) } + Self.framePointers.prefix(40)
    ends = all.filter(isEnd) + [0, 0, 0, 0x7, 1 << 47, Self.nothing.lowerBound + 5, 0x5000_0000]
    logic_code_reset()
    let number = logic_add_table(table.words, UInt32(table.words.count))
    logic_add_code(
      Self.start, Self.start + Self.byteCount(table), Self.start, number, UNWIND_RSP.rawValue)
    logic_add_code(
      Self.framePointers.lowerBound, Self.framePointers.upperBound, 0, 0,
      UNWIND_FRAME_POINTER.rawValue)
    logic_add_code(
      Self.nothing.lowerBound, Self.nothing.upperBound, 0, 0, UNWIND_NONE.rawValue)
  }

  private static func byteCount(_ table: UnwindTable) -> UInt64 { UInt64(table.words[0]) << 16 }

  /// nil for unknown code.
  func rule(at address: UInt64) -> UnwindRule? { Self.rule(at: address, table) }

  private static func rule(at address: UInt64, _ table: UnwindTable) -> UnwindRule? {
    if framePointers.contains(address) { return UnwindRule(.framePointer) }
    if nothing.contains(address) { return UnwindRule.none }
    guard (start..<start + byteCount(table)).contains(address) else { return nil }
    return table.rule(at: address - start)
  }
}

/// A stack that was made so that most of its frames lead to the next one.
struct RandomStack {
  private(set) var registers: StackWalker.Registers
  private(set) var words: [UInt64]
  let start: UInt64
  /// Bytes at the end that can't be read.
  private(set) var trimming = 0

  /// Words that rules of frames so far depend on.
  private var fixed: Set<Int> = []

  init(in code: RandomCode, _ generator: inout SeededGenerator) {
    start = 0x7ffe_0000_0000 + UInt64.random(in: 0..<512, using: &generator) * 8
    let count = generator.pick([64, 400, 4000])
    // What lies between frames: return addresses of earlier calls, nothing, and what is no address.
    words = Array(repeating: code.addresses[0], count: count)
    for index in stride(from: 0, to: count, by: 3) { words[index] = 0 }
    for index in stride(from: 1, to: count, by: 3) { words[index] = generator.next() }
    // Red zones and stale frames lie below.
    let sp = start + 8 * UInt64.random(in: 0..<16, using: &generator)
    registers = .init(
      ip: 0, sp: sp, bp: sp + 8 * UInt64.random(in: 0..<30, using: &generator),
      bx: sp + 8 * UInt64.random(in: 0..<30, using: &generator))
    // Only a frame pointer leads on from there.
    if Int.random(in: 0..<8, using: &generator) == 0 { registers.sp += 4 }
    fill(from: code, &generator)
    if Int.random(in: 0..<4, using: &generator) == 0 {
      trimming = Int.random(in: 1...words.count * 4, using: &generator)
    }
    for _ in 0..<generator.pick([0, 0, 0, 1, 20]) {
      let index = generator.pick(words.indices)
      let number = generator.next()
      words[index] = generator.pick([
        0, .max, words[index] &+ 8, words[index] &+ 4, start &+ 1, number,
      ])
    }
  }

  func walked() -> WalkResult { logicWalk(registers, words, start: start, trimming: trimming) }

  func walkedInSwift(_ code: RandomCode) -> WalkResult {
    let bytes = words.withUnsafeBytes { Array($0.dropLast(trimming)) }
    let walk = StackWalker(memory: bytes, base: start).callers(
      of: registers, limit: Int(STACK_MAX_FRAMES), rule: code.rule)
    return WalkResult(frames: [registers.ip] + walk.addresses, ending: walk.ending)
  }

  // MARK: Making frames

  /// Where the address of the next frame goes.
  private enum Place {
    case register
    case word(Int, lessOne: Bool)
  }

  private mutating func fill(from code: RandomCode, _ generator: inout SeededGenerator) {
    var place = Place.register
    var frame = registers
    for _ in 0..<Int.random(in: 1...280, using: &generator) {
      var next: (ip: UInt64, place: Place)?
      for _ in 0..<40 where next == nil {
        let ip = generator.pick(code.addresses)
        guard let rule = code.rule(at: ip - 1) else { continue }
        frame.ip = ip
        if let place = add(rule, to: &frame, &generator) { next = (ip, place) }
      }
      guard let next else { break }
      put(next.ip, at: place)
      place = next.place
    }
    if case .register = place {
      put(code.addresses[0], at: place)
    } else {
      put(generator.pick(code.ends), at: place)
    }
  }

  private mutating func put(_ ip: UInt64, at place: Place) {
    switch place {
    case .register: registers.ip = ip
    case .word(let index, let lessOne): words[index] = lessOne ? ip &- 1 : ip
    }
  }

  /// Lays out the frame that a rule asks for: where its return address goes; nil where the rule can't lead on.
  private mutating func add(
    _ rule: UnwindRule, to frame: inout StackWalker.Registers, _ generator: inout SeededGenerator
  ) -> Place? {
    let offset = UInt64(bitPattern: Int64(rule.offset))
    let low = UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: rule.offset)))
    let high = UInt64(bitPattern: Int64(rule.offset >> 16))
    var saved = rule.saved
    var cfa: UInt64
    switch rule.kind {
    case .rsp: cfa = frame.sp &+ offset
    case .rbp: cfa = frame.bp &+ offset
    case .rbx: cfa = frame.bx &+ offset
    case .atRSP, .atRBP:
      let address = (rule.kind == .atRSP ? frame.sp : frame.bp) &+ low
      cfa = frame.sp + 8 * UInt64.random(in: 1...40, using: &generator)
      guard set(address, to: cfa &- high) else { return nil }
    case .plt: cfa = frame.sp &+ 8 &+ ((frame.ip - 1) & 15 >= offset ? 8 : 0)
    case .framePointer:
      cfa = frame.bp &+ 16
      saved.rbp = -2
    case .signal: return addSignalFrame(to: &frame, &generator)
    default: return nil
    }
    guard cfa > frame.sp, cfa - frame.sp < 8192, let returnIndex = freeIndex(cfa &- 8) else {
      return nil
    }
    if saved.rbp != 0 || saved.isRBPFromRBP {
      let slot = (saved.isRBPFromRBP ? frame.bp : cfa) &+ UInt64(bitPattern: Int64(saved.rbp) * 8)
      guard slot != cfa - 8 else { return nil }
      let value = cfa &+ 8 * UInt64.random(in: 0...30, using: &generator)
      guard set(slot, to: value) else { return nil }
      frame.bp = value
    }
    if saved.rbx != 0 {
      let slot = cfa &- 8 * UInt64(saved.rbx)
      if slot != cfa - 8, set(slot, to: cfa &+ 8 * UInt64.random(in: 0...30, using: &generator)) {
        frame.bx = words[Int(slot - start) / 8]
      } else {
        frame.bx = 0
      }
    }
    fixed.insert(returnIndex)
    frame.sp = cfa
    return .word(returnIndex, lessOne: false)
  }

  private mutating func addSignalFrame(
    to frame: inout StackWalker.Registers, _ generator: inout SeededGenerator
  ) -> Place? {
    let context = frame.sp
    guard let ipIndex = freeIndex(context + 168) else { return nil }
    let sp = context + 8 * UInt64.random(in: 22...60, using: &generator)
    let bp = sp + 8 * UInt64.random(in: 0...30, using: &generator)
    let bx = sp + 8 * UInt64.random(in: 0...30, using: &generator)
    guard set(context + 160, to: sp), set(context + 120, to: bp), set(context + 128, to: bx) else {
      return nil
    }
    fixed.insert(ipIndex)
    frame.sp = sp
    frame.bp = bp
    frame.bx = bx
    return .word(ipIndex, lessOne: true)
  }

  private func freeIndex(_ address: UInt64) -> Int? {
    let offset = address &- start
    guard offset & 7 == 0, offset < UInt64(words.count * 8) else { return nil }
    return fixed.contains(Int(offset / 8)) ? nil : Int(offset / 8)
  }

  private mutating func set(_ address: UInt64, to value: UInt64) -> Bool {
    guard let index = freeIndex(address) else { return false }
    words[index] = value
    fixed.insert(index)
    return true
  }
}

// MARK: - Tables

/// CFA = rsp + 8 everywhere on the first page.
let constantTable: UnwindTable = {
  var builder = UnwindTableBuilder(textStart: 0)
  builder.add(UnwindRule(.rsp, offset: 8), at: 1)
  return builder.build()
}()

/// Makes this table the only one that the kernel programs know: its number.
func load(_ table: UnwindTable) -> UInt32 {
  logic_code_reset()
  return logic_add_table(table.words, UInt32(table.words.count))
}

/// Rules of every kind at random addresses on several pages.
func randomTable(rowCount: Int, _ generator: inout SeededGenerator) -> UnwindTable {
  var builder = UnwindTableBuilder(textStart: 0)
  var address: UInt32 = 1
  var rule = UnwindRule.none
  for _ in 0..<rowCount {
    if rule.kind == .rsp, Int.random(in: 0..<3, using: &generator) == 0 {
      // A push or a pop, most of them right behind.
      address += UInt32.random(in: 1...4, using: &generator)
      rule = UnwindRule(
        .rsp, offset: rule.offset + (Bool.random(using: &generator) ? 8 : -8), saved: rule.saved)
    } else {
      let isFar = Int.random(in: 0..<20, using: &generator) == 0
      address += UInt32.random(in: 1...(isFar ? 20_000 : 60), using: &generator)
      rule = randomRule(&generator)
    }
    builder.add(rule, at: address)
  }
  return builder.build()
}

private func randomRule(_ generator: inout SeededGenerator) -> UnwindRule {
  var saved = SavedRegisters()
  if Int.random(in: 0..<3, using: &generator) == 0 {
    saved.rbp = Int16.random(in: -8...2, using: &generator)
    saved.isRBPFromRBP = Int.random(in: 0..<4, using: &generator) == 0
  }
  if Int.random(in: 0..<4, using: &generator) == 0 {
    saved.rbx = generator.pick([2, 3, 4, 7, 255])
  }
  let words = Int32.random(in: 1...12, using: &generator)
  switch Int.random(in: 0..<40, using: &generator) {
  case 0: return .end
  case 1: return .none
  case 2: return .unsupported
  case 3: return .signal
  case 4: return UnwindRule(.plt, offset: 11)
  case 5: return UnwindRule(.framePointer)
  case 6...8: return UnwindRule(.rbx, offset: 8 * words, saved: saved)
  case 9...13:
    let kind: UnwindRule.Kind = Bool.random(using: &generator) ? .atRSP : .atRBP
    let low = Int64.random(in: -6...6, using: &generator) * 8
    let high = Int64.random(in: -3...3, using: &generator) * 8
    return UnwindRule(kind, loadedAt: low, plus: high, saved: saved) ?? .unsupported
  case 14...22: return UnwindRule(.rbp, offset: 8 * (words - 2), saved: saved)
  // Frames that are larger than what is read at once.
  case 23: return UnwindRule(.rsp, offset: 1024 + 64 * words, saved: saved)
  default: return UnwindRule(.rsp, offset: 8 * words, saved: saved)
  }
}

extension UnwindTable {
  func rule(atRelative address: UInt32) -> UnwindRule { rule(at: textStart + UInt64(address)) }

  /// Addresses relative to the table around those of all rows, and of all pages.
  var interestingAddresses: [UInt32] {
    let pages = Int(words[0])
    let directory = Int(words[1])
    let rows = Int(words[2])
    var addresses: [UInt32] = []
    for page in 0..<pages {
      let start = UInt32(page) << UInt32(UNWIND_PAGE_SHIFT)
      addresses += [start, start + 1, start + 0xffff]
      for row in Int(words[directory + page])..<Int(words[directory + page + 1]) {
        let address = start + (words[rows + row] & 0xffff)
        addresses += (0...4).map { address + $0 }
        if address > 0 { addresses.append(address - 1) }
      }
    }
    return addresses + [UInt32(pages) << UInt32(UNWIND_PAGE_SHIFT), .max]
  }
}
