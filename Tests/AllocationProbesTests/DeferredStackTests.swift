import Executables
import ProbeABI
import TestSupport
import Testing

@testable import AllocationProbes

/// Records of stacks that user space has to walk to their ends, byte by byte.
@Suite struct DeferredStackTests {
  @Test func `a deferred stack is decoded with all that is needed to go on`() {
    let memory = [UInt8](0...255) + [1, 2, 3]
    let record = deferredRecord(frames: [0x1000, 0x7fff_ffff_f001, 0x2005], memory: memory)
    #expect(
      decode(record)
        == ProbeEvent.DeferredStack(
          process: ProcessSlot(rawValue: 7), stack: StackSlot(rawValue: 9),
          addresses: [0x1000, 0x7fff_ffff_f001, 0x2005],
          registers: .init(ip: 0x2005, sp: 0x7ffe_0000, bp: 0x7ffe_0100, bx: .max),
          memory: memory, time: 123_456_789))
  }

  @Test func `a stack of which nothing could be read is one`() {
    #expect(decode(deferredRecord(frames: [5], memory: []))?.memory == [])
  }

  @Test func `what follows the memory of the stack is none of it`() {
    let record = deferredRecord(frames: [5], memory: [1, 2, 3]) + [0xff, 0xff]
    #expect(decode(record)?.memory == [1, 2, 3])
  }

  @Test func `a full stack with all the memory there can be is decoded`() {
    let frames = (1...UInt64(STACK_MAX_FRAMES)).map { $0 << 12 }
    let memory = [UInt8](repeating: 0x5a, count: Int(DEFERRED_STACK_BYTES))
    let stack = decode(deferredRecord(frames: frames, memory: memory))
    #expect(stack?.addresses == frames)
    #expect(stack?.registers.ip == UInt64(STACK_MAX_FRAMES) << 12)
    #expect(stack?.memory == memory)
  }

  @Test(arguments: [0, 257, 1 << 28, 1 << 29, UInt32.max])
  func `a stack of no frames, or more than are kept, is refused`(count: UInt32) {
    #expect(decode(deferredRecord(frames: [5], memory: [], count: count)) == nil)
  }

  @Test(arguments: [4, 16_384, 1 << 31, UInt32.max])
  func `a stack that claims more memory than the record has is refused`(byteCount: UInt32) {
    let record = deferredRecord(frames: [5], memory: [1, 2, 3], byteCount: byteCount)
    #expect(decode(record) == nil)
  }

  @Test func `a record that ends early is refused`() {
    let record = deferredRecord(frames: [1, 2, 3], memory: [1, 2, 3, 4])
    #expect(decode(record) != nil)
    for count in 0..<record.count { #expect(decode(Array(record.prefix(count))) == nil) }
  }

  @Test func `random bytes never trap`() {
    var generator = SeededGenerator(seed: 8)
    var decoded = 0
    for _ in 0..<2000 {
      var record = deferredRecord(
        frames: [1], memory: [], count: UInt32.random(in: 0...300, using: &generator),
        byteCount: UInt32.random(in: 0...40, using: &generator))
      record += (0..<Int.random(in: 0...32, using: &generator)).map { UInt8($0) }
      record.removeLast(Int.random(in: 0...16, using: &generator))
      let place = Int.random(in: 4..<record.count, using: &generator)
      record[place] = UInt8.random(in: 0...255, using: &generator)
      if decode(record) != nil { decoded += 1 }
    }
    #expect(100..<1900 ~= decoded)
  }
}

private func decode(_ record: [UInt8]) -> ProbeEvent.DeferredStack? {
  guard case .deferredStack(let stack) = record.withUnsafeBytes({ ProbeEvent($0.bytes) }) else {
    return nil
  }
  return stack
}

/// The layout of events.h: header, four halves, three registers, room for all frames, and the memory.
private func deferredRecord(
  frames: [UInt64], memory: [UInt8], count: UInt32? = nil, byteCount: UInt32? = nil
) -> [UInt8] {
  var record =
    bytes(EVENT_DEFERRED_STACK.rawValue) + bytes(UInt32(7)) + bytes(123_456_789 as UInt64)
  let halves: [UInt32] = [9, count ?? UInt32(frames.count), byteCount ?? UInt32(memory.count), 3]
  record += halves.flatMap { bytes($0) }
  record += [0x7ffe_0000, 0x7ffe_0100, UInt64.max].flatMap { bytes($0) }
  record += frames.flatMap { bytes($0) }
  record += [UInt8](repeating: 0xcc, count: 8 * (Int(STACK_MAX_FRAMES) - frames.count))
  return record + memory
}

private func bytes<T: BitwiseCopyable>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value) { Array($0) }
}
