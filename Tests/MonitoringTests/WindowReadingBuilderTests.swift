import AllocationModel
import AllocationProbes
import Monitoring
import Testing

/// What becomes of the events of a window.
@Suite struct WindowReadingBuilderTests {
  private let process = ProcessIdentity(pid: 7, startTicks: 1)
  private let slot = ProcessSlot(rawValue: 1)

  private func allocated(_ address: UInt64, stack: UInt32, thread: Int32 = 1) -> WindowEvent {
    WindowEvent(
      process: slot, thread: thread, address: address, chunkByteCount: 64,
      content: .allocated(byteCount: 48, stack: StackSlot(rawValue: stack)))
  }

  private func freed(_ address: UInt64, by caller: UInt64 = 0x10, thread: Int32 = 1) -> WindowEvent
  {
    WindowEvent(
      process: slot, thread: thread, address: address, chunkByteCount: 64,
      content: .freed(caller: caller))
  }

  private func kept(_ address: UInt64) -> WindowEvent {
    WindowEvent(process: slot, thread: 1, address: address, chunkByteCount: 0, content: .kept)
  }

  @Test func `a free finds the block that was allocated in the same window`() {
    var builder = WindowReadingBuilder()
    let reading = builder.reading(
      of: process, slot,
      in: WindowRecording(events: [
        allocated(0x100, stack: 5), freed(0x100), allocated(0x100, stack: 6, thread: 2),
        freed(0x100, by: 0x20),
      ]))
    #expect(builder.stacks.map(\.rawValue) == [5, 6])
    #expect(reading.allocations.count == 2)
    #expect(reading.unknownFrees.isEmpty)
    let matched = reading.matchedFrees.sorted { $0.site < $1.site }
    #expect(matched.map(\.site) == [0, 1])
    #expect(matched.map(\.freeSite) == [0, 1])
    #expect(matched.map(\.allocatingThread) == [1, 2])
    #expect(matched.allSatisfy { $0.blocks == 1 && $0.sizeClass == 64 && $0.thread == 1 })
  }

  @Test func `a free of an older block is unknown and hints at who last had the address`() {
    var builder = WindowReadingBuilder()
    _ = builder.reading(
      of: process, slot, in: WindowRecording(events: [allocated(0x100, stack: 5)]))
    let reading = builder.reading(
      of: process, slot, in: WindowRecording(events: [freed(0x100), freed(0x200)]))
    #expect(reading.matchedFrees.isEmpty)
    #expect(Set(reading.unknownFrees.map(\.formerSite)) == [0, nil])
    let again = builder.reading(
      of: process, slot, in: WindowRecording(events: [freed(0x100)]))
    #expect(again.unknownFrees.map(\.formerSite) == [nil], "a hint is used once")
  }

  @Test func `a realloc that failed has freed nothing`() {
    var builder = WindowReadingBuilder()
    let reading = builder.reading(
      of: process, slot,
      in: WindowRecording(events: [
        allocated(0x100, stack: 5), freed(0x100), kept(0x100), freed(0x300), kept(0x300),
        freed(0x100, by: 0x20),
      ]))
    #expect(reading.unknownFrees.isEmpty)
    #expect(reading.matchedFrees.map(\.blocks) == [1])
    #expect(reading.matchedFrees.map(\.freeSite) == [1], "by the call that came after it")
  }

  @Test func `events of other processes are left out`() {
    var builder = WindowReadingBuilder()
    var event = allocated(0x100, stack: 5)
    event.process = ProcessSlot(rawValue: 2)
    let reading = builder.reading(of: process, slot, in: WindowRecording(events: [event]))
    #expect(reading.allocations.isEmpty && reading.threads.isEmpty)
  }
}
