import Inspection
import Processes
import Testing

/// What of the memory of stacks is in use.
@Suite struct ThreadStacksTests {
  private static let controlBlock: UInt64 = 2304

  /// Zeroes, with the control block of a thread that has this id before an offset (`struct pthread`, glibc 2.26 to 2.43).
  private func memory(
    at start: UInt64, byteCount: Int, controlBefore end: Int, thread: Int32
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let control = end - Int(Self.controlBlock)
    func store(_ value: UInt64, at offset: Int) {
      for byte in 0..<8 {
        bytes[control + offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
      }
    }
    let address = start + UInt64(control)
    store(address, at: 0)
    store(address, at: 16)
    store(UInt64(UInt32(bitPattern: thread)), at: 720)
    return bytes
  }

  private func unused(from start: UInt64, _ bytes: [UInt8]) throws -> [Range<UInt64>] {
    let mapping = try #require(
      MappingsText(
        parsing: Array(
          "\(String(start, radix: 16))-\(String(start + UInt64(bytes.count), radix: 16)) rw-p 00000000 00:00 0 \n"
            .utf8)
      ).mappings.first)
    return ThreadStacks(of: try ProcessImage.synthetic([(mapping, bytes)])).unused
  }

  @Test(arguments: [Int32(0), -1])
  func `the stack of a thread that has ended holds nothing`(thread: Int32) throws {
    let start: UInt64 = 0x7f97_a37f_0000
    let bytes = memory(at: start, byteCount: 1 << 16, controlBefore: 1 << 16, thread: thread)
    #expect(try unused(from: start, bytes) == [start..<start + 0x10000 - Self.controlBlock])
  }

  @Test func `nor does it where a heap begins right behind it`() throws {
    let start: UInt64 = 0x7f97_a3ff_0000
    let bytes = memory(at: start, byteCount: 1 << 17, controlBefore: 1 << 16, thread: -1)
    #expect(try unused(from: start, bytes) == [start..<start + 0x10000 - Self.controlBlock])
  }

  @Test func `nor does it where other memory is mapped right behind it`() throws {
    let start: UInt64 = 0x7f97_a37f_0000
    var bytes = memory(at: start, byteCount: 1 << 16, controlBefore: 1 << 16, thread: 0)
    bytes += memory(at: start + 0x10000, byteCount: 12288, controlBefore: 10240, thread: 4711)
    #expect(try unused(from: start, bytes) == [start..<start + 0x10000 - Self.controlBlock])
  }

  @Test func `of two that are side by side neither holds anything`() throws {
    let start: UInt64 = 0x7f97_a37f_0000
    var bytes = memory(at: start, byteCount: 1 << 16, controlBefore: 1 << 16, thread: -1)
    bytes += memory(at: start + 0x10000, byteCount: 1 << 16, controlBefore: 1 << 16, thread: 0)
    #expect(
      try unused(from: start, bytes) == [
        start..<start + 0x10000 - Self.controlBlock,
        start + 0x10000..<start + 0x20000 - Self.controlBlock,
      ])
  }

  @Test func `that of a thread that runs is in use`() throws {
    let start: UInt64 = 0x7f97_a37f_0000
    let bytes = memory(at: start, byteCount: 1 << 16, controlBefore: 1 << 16, thread: 4711)
    #expect(try unused(from: start, bytes).isEmpty)
  }
}
