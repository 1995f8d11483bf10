import AllocationModel
import ProbeABI
import TestSupport
import Testing

@testable import AllocationProbes

/// Records of the ring buffer, byte by byte.
@Suite struct ProbeEventTests {
  // MARK: Stacks

  @Test func `a stack is decoded with its addresses in order`() {
    let record = stackRecord(
      frames: [0x1000, 0x7fff_ffff_f000, 3], ending: STACK_COMPLETE.rawValue)
    #expect(
      decode(record)
        == .stack(
          ProbeEvent.Stack(
            process: ProcessSlot(rawValue: 7), stack: StackSlot(rawValue: 9),
            addresses: [0x1000, 0x7fff_ffff_f000, 3], ending: .complete,
            time: 123_456_789)))
  }

  @Test(arguments: [
    (STACK_COMPLETE, StackEnding.complete), (STACK_NO_RULE, .noRule), (STACK_TOO_DEEP, .tooDeep),
    (STACK_CODE_CHANGING, .codeChanging), (stack_ending(rawValue: 99), .badFrame),
  ])
  func `a stack says where its walk ended`(code: stack_ending, ending: StackEnding) {
    guard case .stack(let stack) = decode(stackRecord(frames: [1], ending: code.rawValue)) else {
      Issue.record("not a stack")
      return
    }
    #expect(stack.ending == ending)
  }

  @Test func `every ending has a code of its own`() {
    #expect(Set(ProbeEvent.endings.values) == Set(StackEnding.allCases).subtracting([.notReceived]))
  }

  @Test func `a change of code names its process`() {
    #expect(decode(bytes(header(EVENT_CODE.rawValue))) == .code(ProcessSlot(rawValue: 7)))
  }

  @Test func `a stack has at most as many frames as the programs take`() {
    let most = (0..<UInt64(STACK_MAX_FRAMES)).map { $0 }
    #expect(decode(stackRecord(frames: most)) != nil)
    #expect(decode(stackRecord(frames: most + [1])) == nil)
    #expect(decode(stackRecord(frames: [])) != nil)
  }

  @Test(arguments: [2, 256, 257, 1 << 28, 1 << 29, UInt32.max])
  func `a stack that claims more frames than it has is refused`(count: UInt32) {
    #expect(decode(stackRecord(frames: [1], count: count)) == nil)
  }

  @Test func `padding behind the last frame is no frame`() {
    let record = stackRecord(frames: [5, 6]) + [UInt8](repeating: 0xff, count: 8)
    guard case .stack(let stack) = decode(record) else {
      Issue.record("not a stack")
      return
    }
    #expect(stack.addresses == [5, 6])
  }

  // MARK: Mappings

  @Test(arguments: [
    (MAPPING_MAP, ProbeEvent.Mapping.Operation.map(0x2000..<0x5000)),
    (MAPPING_UNMAP, .unmap(0x2000..<0x5000)),
    (MAPPING_RESTORE, .restore(0x2000..<0x5000)),
    (MAPPING_MOVE, .move(from: 0x8000..<0x9000, to: 0x2000..<0x5000)),
    (MAPPING_BREAK, .programBreak(from: 0x8000, to: 0x2000)),
  ])
  func `a mapping call is decoded`(
    operation: mapping_operation, expected: ProbeEvent.Mapping.Operation
  ) {
    let event = mappingRecord(
      operation.rawValue, start: 0x2000, length: 0x3000, oldStart: 0x8000, oldLength: 0x1000)
    #expect(
      decode(event)
        == .mapping(
          ProbeEvent.Mapping(
            process: ProcessSlot(rawValue: 7), operation: expected, isInternal: false,
            stack: StackSlot(rawValue: 4))))
  }

  @Test func `lengths are rounded up to pages as the kernel does it`() {
    #expect(mappedRange(start: 0x2000, length: 1) == 0x2000..<0x3000)
    #expect(mappedRange(start: 0x2000, length: 4096) == 0x2000..<0x3000)
    #expect(mappedRange(start: 0x2000, length: 4097) == 0x2000..<0x4000)
    #expect(mappedRange(start: 0x2000, length: 0) == 0x2000..<0x2000)
  }

  @Test func `the program break is taken to the byte`() {
    let record = mappingRecord(MAPPING_BREAK.rawValue, start: 0x2001, length: 0, oldStart: 0x1fff)
    guard case .mapping(let mapping) = decode(record) else {
      Issue.record("not a mapping")
      return
    }
    #expect(mapping.operation == .programBreak(from: 0x1fff, to: 0x2001))
  }

  private static let impossibleRanges: [(start: UInt64, length: UInt64)] = [
    (.max, 1), (.max, .max), (1, .max), (0, .max), (0x1000, .max - 0xfff), (.max - 4094, 0),
    (.max - 4095, 1),
  ]

  @Test(arguments: impossibleRanges)
  func `a range that leaves the address space is refused`(start: UInt64, length: UInt64) {
    #expect(decode(mappingRecord(MAPPING_UNMAP.rawValue, start: start, length: length)) == nil)
    let move = mappingRecord(
      MAPPING_MOVE.rawValue, start: 0x1000, length: 0x1000, oldStart: start, oldLength: length)
    #expect(decode(move) == nil)
  }

  @Test func `the highest range that can be written is kept`() {
    let highest = UInt64.max - 4095
    #expect(mappedRange(start: 0, length: highest) == 0..<highest)
    #expect(mappedRange(start: highest, length: 0) == highest..<highest)
  }

  @Test func `a mapping says who made it`() {
    func decoded(flags: UInt32, site: UInt32) -> ProbeEvent.Mapping? {
      let record = mappingRecord(
        MAPPING_MAP.rawValue, start: 0, length: 1, flags: flags, site: site)
      guard case .mapping(let mapping) = decode(record) else { return nil }
      return mapping
    }
    #expect(decoded(flags: 0, site: 0)?.stack == nil)
    #expect(decoded(flags: 0, site: 5)?.stack == StackSlot(rawValue: 5))
    #expect(decoded(flags: 1, site: 0)?.isInternal == true)
    #expect(decoded(flags: 2, site: 0)?.isInternal == false)
    #expect(decoded(flags: 3, site: 0)?.isInternal == true)
  }

  @Test(arguments: [0, 6, 255, UInt32.max])
  func `an unknown operation is refused`(operation: UInt32) {
    #expect(decode(mappingRecord(operation, start: 0x1000, length: 0x1000)) == nil)
  }

  // MARK: Processes

  @Test func `exec, fork and exit are decoded`() {
    let (process, previous) = (ProcessSlot(rawValue: 7), ProcessSlot(rawValue: 6))
    // 12.34 s after boot, in hundredths.
    let identity = ProcessIdentity(pid: 1234, startTicks: 1234)
    #expect(
      decode(processRecord(EVENT_EXEC.rawValue))
        == .exec(process, previous: previous, identity, name: "worker"))
    #expect(
      decode(processRecord(EVENT_FORK.rawValue))
        == .fork(process, parent: previous, identity, name: "worker"))
    #expect(
      decode(processRecord(EVENT_EXIT.rawValue))
        == .exit(process, pid: 1234, .ended(status: 256, isOutOfMemory: false)))
  }

  @Test func `the end of a process says why`() {
    func departure(flags: Int) -> ProbeEvent.Departure? {
      let record = processRecord(EVENT_EXIT.rawValue, flags: UInt32(flags))
      guard case .exit(_, _, let departure) = decode(record) else { return nil }
      return departure
    }
    #expect(departure(flags: 0) == .ended(status: 256, isOutOfMemory: false))
    #expect(departure(flags: PROCESS_OUT_OF_MEMORY) == .ended(status: 256, isOutOfMemory: true))
    #expect(departure(flags: PROCESS_LEFT_SCOPE) == .leftScope)
  }

  @Test func `a process of nobody that is observed has no predecessor`() {
    guard case .fork(_, let parent, _, _) = decode(processRecord(EVENT_FORK.rawValue, previous: 0))
    else {
      Issue.record("not a fork")
      return
    }
    #expect(parent == nil)
  }

  @Test(arguments: ["", "a", "fifteen letters", "sixteen letters!"])
  func `a name ends with its field at the latest`(name: String) {
    let record = processRecord(EVENT_EXEC.rawValue, name: name)
    guard case .exec(_, _, _, let decoded) = decode(record) else {
      Issue.record("not an exec")
      return
    }
    #expect(decoded == name)
  }

  // MARK: What is no event

  @Test(arguments: [0, 9, 10, 1 << 31, UInt32.max])
  func `an unknown kind is refused`(kind: UInt32) {
    #expect(decode(processRecord(kind) + [UInt8](repeating: 0, count: 4096)) == nil)
  }

  @Test func `a record that ends early is refused`() {
    let mapping = mappingRecord(MAPPING_MAP.rawValue, start: 0x1000, length: 0x1000)
    let records = [stackRecord(frames: [1, 2, 3]), mapping, processRecord(EVENT_EXIT.rawValue)]
    for record in records {
      #expect(decode(record) != nil)
      for count in 0..<record.count {
        #expect(decode(Array(record.prefix(count))) == nil, "\(count) of \(record.count) bytes")
      }
    }
  }

  @Test func `random bytes never trap`() {
    var generator = SeededGenerator(seed: 4)
    var decoded = 0
    for round in 0..<20_000 {
      var record = (0..<Int.random(in: 0...96, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      // Most with a kind that is known, and counts and operations that may be.
      if round % 4 != 0, record.count >= 4 {
        record.replaceSubrange(0..<4, with: [UInt8.random(in: 0...6, using: &generator), 0, 0, 0])
      }
      for place in [16, 20] where round % 2 == 0 && record.count >= place + 4 {
        let small = UInt8.random(in: 0...6, using: &generator)
        record.replaceSubrange(place..<place + 4, with: [small, 0, 0, 0])
      }
      if decode(record) != nil { decoded += 1 }
    }
    #expect(decoded > 1000)
  }
}

// MARK: - Records

private func decode(_ record: [UInt8]) -> ProbeEvent? {
  record.withUnsafeBytes { ProbeEvent($0.bytes) }
}

private func mappedRange(start: UInt64, length: UInt64) -> Range<UInt64>? {
  let record = mappingRecord(MAPPING_MAP.rawValue, start: start, length: length)
  guard case .mapping(let mapping) = decode(record), case .map(let range) = mapping.operation else {
    return nil
  }
  return range
}

private func header(_ kind: UInt32) -> event_header {
  event_header(kind: kind, process: 7, time: 123_456_789)
}

private func stackRecord(frames: [UInt64], ending: UInt32 = 0, count: UInt32? = nil) -> [UInt8] {
  bytes(header(EVENT_STACK.rawValue)) + bytes(UInt32(9)) + bytes(count ?? UInt32(frames.count))
    + bytes(ending) + bytes(UInt32(1)) + frames.flatMap { bytes($0) }
}

private func mappingRecord(
  _ operation: UInt32, start: UInt64, length: UInt64, oldStart: UInt64 = 0, oldLength: UInt64 = 0,
  flags: UInt32 = 0, site: UInt32 = 4
) -> [UInt8] {
  bytes(
    mapping_event(
      header: header(EVENT_MAPPING.rawValue), operation: operation, flags: flags, start: start,
      length: length, old_start: oldStart, old_length: oldLength, site: site, reserved: 0))
}

private func processRecord(
  _ kind: UInt32, name: String = "worker", previous: UInt32 = 6, flags: UInt32 = 0
) -> [UInt8] {
  var event = process_event()
  event.header = header(kind)
  event.tgid = 1234
  event.previous = previous
  event.status = 256
  event.flags = flags
  event.start_time = 12_345_678_901
  withUnsafeMutableBytes(of: &event.name) { $0.copyBytes(from: name.utf8) }
  return bytes(event)
}

private func bytes<T: BitwiseCopyable>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value) { Array($0) }
}
