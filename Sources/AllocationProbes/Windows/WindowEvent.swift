import ProbeABI

/// What one call of an allocator did while a window was open.
package struct WindowEvent: Hashable, Sendable {
  package enum Content: Hashable, Sendable {
    /// A block of so many bytes, as requested, was returned; `stack` is the stack of the call, and `isStepped` says that
    /// it was left by a probed `ret`, which the kernel single-steps. If it resizes a block, that was freed just before.
    case allocated(
      byteCount: UInt64, stack: StackSlot, isStepped: Bool = false, isReallocation: Bool = false)
    /// The block is given back by a call that returns to `caller`, and that may be one that resizes it.
    case freed(caller: UInt64, isReallocation: Bool = false)
    /// realloc failed: the `freed` of this block before did not come about.
    case kept
    /// What the thread had done by then: at its first call in the window, and now and then later.
    case ran(ThreadMoment)
  }

  package var process: ProcessSlot
  /// As the kernel numbers it.
  package var thread: Int32
  /// Of the block.
  package var address: UInt64
  /// Bytes of its chunk, which is how glibc tells blocks apart, modulo 4 GiB; 0 for other allocators.
  package var chunkByteCount: UInt32
  package var content: Content

  package init(
    process: ProcessSlot, thread: Int32, address: UInt64, chunkByteCount: UInt32, content: Content
  ) {
    self.process = process
    self.thread = thread
    self.address = address
    self.chunkByteCount = chunkByteCount
    self.content = content
  }
}

extension WindowEvent {
  /// Nil for a record that the program which claimed it has not filled.
  init?(_ record: window_event) {
    switch window_event_kind(record.kind) {
    case WINDOW_ALLOCATED:
      content = .allocated(
        byteCount: record.size, stack: StackSlot(rawValue: record.site),
        isStepped: record.flags & WINDOW_STEPPED.rawValue != 0,
        isReallocation: record.flags & WINDOW_REALLOCATED.rawValue != 0)
    case WINDOW_FREED:
      content = .freed(
        caller: record.caller, isReallocation: record.flags & WINDOW_REALLOCATED.rawValue != 0)
    case WINDOW_KEPT: content = .kept
    case WINDOW_THREAD:
      content = .ran(
        ThreadMoment(
          time: record.address, cpuNanoseconds: record.size, updated: record.caller,
          processor: record.site))
    default: return nil
    }
    process = ProcessSlot(rawValue: record.process)
    thread = Int32(bitPattern: record.thread)
    address = record.address
    chunkByteCount = record.chunk
  }
}

/// How much CPU time a thread had had at a time.
package struct ThreadMoment: Hashable, Sendable {
  /// CLOCK_MONOTONIC, nanoseconds.
  package var time: UInt64
  /// As of the last tick or switch.
  package var cpuNanoseconds: UInt64
  /// When that was, nanoseconds by a clock of the processor's own (`clock_task` of the kernel's run queue).
  package var updated: UInt64
  package var processor: UInt32

  package init(time: UInt64, cpuNanoseconds: UInt64, updated: UInt64 = 0, processor: UInt32 = 0) {
    self.time = time
    self.cpuNanoseconds = cpuNanoseconds
    self.updated = updated
    self.processor = processor
  }
}

/// What was recorded while one window was open, and how long everything took.
package struct WindowRecording: Hashable, Sendable {
  /// In the order in which they happened, block by block.
  package var events: [WindowEvent] = []
  /// CPU time of threads that did something, soon after the window was closed, in nanoseconds: by thread.
  package var cpuNanoseconds: [Int32: UInt64] = [:]
  /// What a run of a program took, nanoseconds, by those that were timed; 0: none was.
  package var programNanoseconds = 0.0
  /// CPU time that it all took us, nanoseconds.
  package var ownNanoseconds: UInt64 = 0
  /// CLOCK_MONOTONIC, nanoseconds: when probes began to be attached, recording began and ended, probes began to be
  /// removed, and all were gone.
  package var attaching: UInt64 = 0
  package var opened: UInt64 = 0
  package var closed: UInt64 = 0
  package var detaching: UInt64 = 0
  package var detached: UInt64 = 0
  /// For how long it was open before anything happened, at least.
  package var idleNanoseconds: UInt64 = 0
  /// For how long programs ran before recording began, and after probes began to be removed: targets were slow then, too.
  package var outsideNanoseconds: UInt64 = 0
  /// The allowance was used up before the time was.
  package var isCutShort = false
  /// Only functions that free were probed.
  package var isLight = false
  /// Why places were not probed, as sentences. Of some functions there may be events nevertheless.
  package var refusals: [WindowRequest.Place.ID: String] = [:]

  package init(events: [WindowEvent] = []) { self.events = events }
}
