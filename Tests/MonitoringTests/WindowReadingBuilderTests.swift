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

  private func reading(
    _ builder: inout WindowReadingBuilder, _ events: [WindowEvent],
    _ change: (inout WindowRecording) -> Void = { _ in }
  ) -> WindowReading {
    var recording = WindowRecording(events: events)
    change(&recording)
    return builder.reading(of: process, events, in: recording) { UInt64($0.rawValue) }
  }

  @Test func `a free finds the block that was allocated in the same window`() {
    var builder = WindowReadingBuilder()
    let reading = self.reading(
      &builder,
      [
        allocated(0x100, stack: 5), freed(0x100), allocated(0x100, stack: 6, thread: 2),
        freed(0x100, by: 0x20),
      ])
    #expect(builder.sites == [5, 6])
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
    _ = self.reading(&builder, [allocated(0x100, stack: 5)])
    let reading = self.reading(&builder, [freed(0x100), freed(0x200)])
    #expect(reading.matchedFrees.isEmpty)
    #expect(Set(reading.unknownFrees.map(\.formerSite)) == [0, nil])
    let again = self.reading(&builder, [freed(0x100)])
    #expect(again.unknownFrees.map(\.formerSite) == [nil], "a hint is used once")
  }

  @Test func `what a busy thread did first and last is left out where it may be half of a pair`() {
    let pairs = (0..<60).flatMap { _ in [allocated(0x100, stack: 5), freed(0x100)] }
    var builder = WindowReadingBuilder()
    let cut = self.reading(&builder, [freed(0x200)] + pairs + [allocated(0x300, stack: 6)])
    #expect(cut.unknownFrees.isEmpty)
    #expect(cut.allocations.map(\.blocks) == [60])
    #expect(cut.matchedFrees.map(\.blocks) == [60])
    // In the middle both are what they seem to be.
    let inside = self.reading(&builder, pairs + [freed(0x200), allocated(0x300, stack: 6)] + pairs)
    #expect(inside.unknownFrees.map(\.blocks) == [1])
    #expect(inside.allocations.map(\.blocks).sorted() == [1, 120])
    // Of a thread that does little nothing can be spared.
    let idle = self.reading(&builder, [freed(0x400), allocated(0x500, stack: 7)])
    #expect(idle.unknownFrees.map(\.blocks) == [1])
    #expect(idle.allocations.map(\.blocks) == [1])
  }

  @Test func `a realloc that failed has freed nothing`() {
    var builder = WindowReadingBuilder()
    let reading = self.reading(
      &builder,
      [
        allocated(0x100, stack: 5), freed(0x100), kept(0x100), freed(0x300), kept(0x300),
        freed(0x100, by: 0x20),
      ])
    #expect(reading.unknownFrees.isEmpty)
    #expect(reading.matchedFrees.map(\.blocks) == [1])
    #expect(reading.matchedFrees.map(\.freeSite) == [1], "by the call that came after it")
  }

  private func ran(_ moment: ThreadMoment) -> WindowEvent {
    WindowEvent(
      process: slot, thread: 1, address: 0, chunkByteCount: 0, content: .ran(moment))
  }

  @Test func `a thread's time within a window and since the one before is told apart`() {
    func began(_ time: UInt64, cpu: UInt64) -> WindowEvent {
      ran(ThreadMoment(time: time, cpuNanoseconds: cpu))
    }
    var builder = WindowReadingBuilder()
    let first = self.reading(&builder, [began(110, cpu: 1000), allocated(0x100, stack: 5)]) {
      ($0.opened, $0.closed, $0.cpuNanoseconds) = (100, 200, [1: 1080])
    }
    #expect(
      first.threads == [
        ThreadCell(thread: 1, eventCount: 1, nanosecondsInside: 80, insideLength: 90)
      ])
    let second = self.reading(&builder, [began(1200, cpu: 1880), allocated(0x200, stack: 5)]) {
      ($0.opened, $0.closed, $0.cpuNanoseconds) = (1100, 1300, [1: 1900])
    }
    #expect(
      second.threads == [
        ThreadCell(
          thread: 1, eventCount: 1, nanosecondsInside: 20, insideLength: 100,
          nanosecondsBetween: 800, betweenLength: 1000)
      ])
    let unknown = self.reading(&builder, [began(2100, cpu: 2000), allocated(0x300, stack: 5)]) {
      ($0.opened, $0.closed) = (2000, 2300)
    }
    #expect(unknown.threads == [ThreadCell(thread: 1, eventCount: 1)], "it was not looked at")
  }

  /// A thread that has a processor to itself since 0, whose CPU time is brought up to date every `tick` only: at every
  /// `step` it says what it has had by then, as of when by a clock that is 5,000,000 behind, and does something.
  private func course(
    from start: UInt64, to end: UInt64, step: UInt64, tick: UInt64, processor: UInt32 = 0
  ) -> [WindowEvent] {
    stride(from: start, to: end, by: Int(step)).flatMap { time -> [WindowEvent] in
      let update = time / tick * tick
      return [
        ran(
          ThreadMoment(
            time: time, cpuNanoseconds: update, updated: update &- 5_000_000, processor: processor)),
        allocated(0x1000 + time, stack: 5),
      ]
    }
  }

  @Test func `the CPU time of a busy thread is known between the kernel's updates of it`() throws {
    var builder = WindowReadingBuilder()
    // The updates at 12,000 and 16,000 are seen as they happen.
    let events = course(from: 9000, to: 17_000, step: 1000, tick: 4000)
    let first = self.reading(&builder, events) {
      ($0.opened, $0.closed, $0.cpuNanoseconds) = (8500, 17_500, [1: 16_000])
    }
    let cell = try #require(first.threads.first)
    #expect(cell.eventCount == 8)
    #expect(cell.nanosecondsInside == 7000, "and not 8,000, from 8,000 to 16,000")
    #expect(cell.insideLength == 7000)
    #expect(cell.eventsInside == 7, "the last one came after the last moment")

    let later = course(from: 109_000, to: 117_000, step: 1000, tick: 4000, processor: 1)
    let second = self.reading(&builder, later) { ($0.opened, $0.closed) = (108_500, 117_500) }
    #expect(second.threads.first?.nanosecondsBetween == 93_000)
    #expect(second.threads.first?.betweenLength == 93_000)
  }

  @Test func `a thread that is busy for less than half of a window is looked at afterwards`() throws
  {
    var builder = WindowReadingBuilder()
    let events = course(from: 8000, to: 12_000, step: 500, tick: 4000)
    let reading = self.reading(&builder, events) {
      ($0.opened, $0.closed, $0.cpuNanoseconds) = (7000, 28_000, [1: 12_000])
    }
    let cell = try #require(reading.threads.first)
    #expect(cell.nanosecondsInside == 4000)
    #expect(cell.insideLength == 20_000)
    #expect(cell.eventsInside == cell.eventCount)
  }

  @Test func `a light window tells how fast a thread is, and nothing of what came and went`() {
    var builder = WindowReadingBuilder()
    _ = self.reading(&builder, [allocated(0x100, stack: 5)])
    let light = self.reading(
      &builder, [ran(ThreadMoment(time: 110, cpuNanoseconds: 1000)), freed(0x100), freed(0x200)]
    ) {
      ($0.opened, $0.closed, $0.cpuNanoseconds, $0.isLight) = (100, 200, [1: 1080], true)
    }
    #expect(light.isLight)
    #expect(light.unknownFrees.isEmpty)
    #expect(
      light.threads == [
        ThreadCell(
          thread: 1, eventCount: 2, nanosecondsInside: 80, insideLength: 90, freesInside: 2)
      ])
    // The block is gone, so that its address is no hint any more.
    #expect(self.reading(&builder, [freed(0x100)]).unknownFrees.map(\.formerSite) == [nil])
  }

  @Test func `a call that resizes a block is a free, but not one that light windows see`() {
    var builder = WindowReadingBuilder()
    var resized = freed(0x100)
    resized.content = .freed(caller: 0x10, isReallocation: true)
    let reading = self.reading(&builder, [resized, allocated(0x100, stack: 5), freed(0x100)])
    #expect(reading.threads.map(\.eventCount) == [3])
    #expect(reading.threads.map(\.freesInside) == [1])
  }

  @Test func `where chunks keep no sizes it is seen by how much blocks are made larger`() {
    func resized(_ address: UInt64, to other: UInt64, _ bytes: UInt64) -> [WindowEvent] {
      [
        WindowEvent(
          process: slot, thread: 1, address: address, chunkByteCount: 0,
          content: .freed(caller: 0x10, isReallocation: true)),
        WindowEvent(
          process: slot, thread: 1, address: other, chunkByteCount: 0,
          content: .allocated(
            byteCount: bytes, stack: StackSlot(rawValue: 5), isReallocation: true)),
      ]
    }
    var builder = WindowReadingBuilder()
    let reading = self.reading(
      &builder,
      resized(0x100, to: 0x200, 50) + resized(0x200, to: 0x200, 80)
        + resized(0x200, to: 0x300, 130) + resized(0x900, to: 0x900, 40))
    #expect(
      reading.resizes == [
        ResizeCell(thread: 1, freeSite: 0, known: 2, growth: 80, unknown: 2, bytes: 90)
      ])
    #expect(reading.matchedFrees.map(\.bytes) == [130])
    #expect(reading.allocations.map(\.bytes) == [300])
    #expect(reading.unknownFrees.map(\.blocks) == [2])
    // A realloc that only freed is no resize, whatever comes after it.
    let other = self.reading(
      &builder, [resized(0x300, to: 0, 0)[0], allocated(0x400, stack: 5)])
    #expect(other.resizes.isEmpty)
  }
}
