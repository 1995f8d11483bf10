/// What was recorded in one window of one process.
///
/// Sites and calls of `free` are small dense indices of the caller's choice, the same in all readings of a process.
/// Sizes are those of chunks, in bytes: what glibc keeps in front of the block (multiples of 16 on 64-bit machines,
/// `struct malloc_chunk`, glibc 2.26-2.43, flag bits cleared).
package struct WindowReading: Hashable, Sendable {
  package var process: ProcessIdentity
  /// Monotonic nanoseconds at which recording began.
  package var opened: UInt64
  /// How long recording lasted, in nanoseconds; probes are attached for longer.
  package var recordedNanoseconds: UInt64
  /// The allowance of events ended recording before its time.
  package var isCutShort: Bool
  /// Nothing but calls that free was recorded: it tells how fast threads are, and not what comes and goes.
  package var isLight: Bool
  /// Nanoseconds by which one recorded allocation or free delays its thread, as measured; 0 where not known.
  package var eventNanoseconds: Double
  package var threads: [ThreadCell]
  package var allocations: [AllocationCell]
  package var matchedFrees: [MatchedCell]
  package var unknownFrees: [UnknownCell]
  /// Where chunks keep no sizes.
  package var resizes: [ResizeCell]

  package init(
    process: ProcessIdentity,
    opened: UInt64,
    recordedNanoseconds: UInt64,
    isCutShort: Bool = false,
    isLight: Bool = false,
    eventNanoseconds: Double = 0,
    threads: [ThreadCell] = [],
    allocations: [AllocationCell] = [],
    matchedFrees: [MatchedCell] = [],
    unknownFrees: [UnknownCell] = [],
    resizes: [ResizeCell] = []
  ) {
    self.process = process
    self.opened = opened
    self.recordedNanoseconds = recordedNanoseconds
    self.isCutShort = isCutShort
    self.isLight = isLight
    self.eventNanoseconds = eventNanoseconds
    self.threads = threads
    self.allocations = allocations
    self.matchedFrees = matchedFrees
    self.unknownFrees = unknownFrees
    self.resizes = resizes
  }
}

/// What one thread did while it was recorded, and before.
///
/// A thread that computes does less within a window than outside; one that waits for a timer does as much as ever.
/// Its CPU time tells the two apart.
package struct ThreadCell: Hashable, Sendable {
  package var thread: UInt32
  /// Allocations and frees recorded.
  package var eventCount: UInt64
  /// CPU time within the window, or a part of it that begins with the thread's first call, nanoseconds; 0 where that is
  /// not known.
  package var nanosecondsInside: UInt64
  /// Of that part, nanoseconds; those of the events that happened in it, and among them calls of functions that free.
  package var insideLength: UInt64
  package var eventsInside: UInt64
  package var freesInside: UInt64
  /// CPU time since the window before, and the time in which it was spent, in nanoseconds.
  package var nanosecondsBetween: UInt64
  package var betweenLength: UInt64

  package init(
    thread: UInt32, eventCount: UInt64, nanosecondsInside: UInt64 = 0, insideLength: UInt64 = 0,
    eventsInside: UInt64? = nil, freesInside: UInt64 = 0, nanosecondsBetween: UInt64 = 0,
    betweenLength: UInt64 = 0
  ) {
    self.thread = thread
    self.eventCount = eventCount
    self.nanosecondsInside = nanosecondsInside
    self.insideLength = insideLength
    self.eventsInside = eventsInside ?? eventCount
    self.freesInside = freesInside
    self.nanosecondsBetween = nanosecondsBetween
    self.betweenLength = betweenLength
  }

  /// Of a core, between windows; nil where that is not known.
  package var processorShare: Double? {
    betweenLength > 0 ? min(1, Double(nanosecondsBetween) / Double(betweenLength)) : nil
  }
}

/// What one thread allocated at one site in one chunk size.
package struct AllocationCell: Hashable, Sendable {
  package var thread: UInt32
  package var site: UInt32
  /// Chunk size in bytes.
  package var sizeClass: UInt64
  package var blocks: UInt64
  /// Bytes as requested by the program.
  package var bytes: UInt64

  package init(thread: UInt32, site: UInt32, sizeClass: UInt64, blocks: UInt64, bytes: UInt64) {
    self.thread = thread
    self.site = site
    self.sizeClass = sizeClass
    self.blocks = blocks
    self.bytes = bytes
  }
}

/// Frees of blocks that were allocated in the same window.
package struct MatchedCell: Hashable, Sendable {
  /// The thread that freed.
  package var thread: UInt32
  /// The thread that allocated.
  package var allocatingThread: UInt32
  /// Where the blocks were allocated.
  package var site: UInt32
  /// Which call freed them.
  package var freeSite: UInt32
  package var sizeClass: UInt64
  package var blocks: UInt64
  /// Bytes as requested by the program.
  package var bytes: UInt64

  package init(
    thread: UInt32, allocatingThread: UInt32? = nil, site: UInt32, freeSite: UInt32,
    sizeClass: UInt64, blocks: UInt64, bytes: UInt64
  ) {
    self.bytes = bytes
    self.thread = thread
    self.allocatingThread = allocatingThread ?? thread
    self.site = site
    self.freeSite = freeSite
    self.sizeClass = sizeClass
    self.blocks = blocks
  }
}

/// Frees of blocks that were not allocated in the same window.
package struct UnknownCell: Hashable, Sendable {
  package var thread: UInt32
  package var freeSite: UInt32
  package var sizeClass: UInt64
  /// The site that was last seen to be given these addresses, in an earlier window.
  ///
  /// A hint, no match: an address may have been freed and given out again unseen.
  package var formerSite: UInt32?
  package var blocks: UInt64

  package init(
    thread: UInt32, freeSite: UInt32, sizeClass: UInt64, formerSite: UInt32? = nil, blocks: UInt64
  ) {
    self.thread = thread
    self.freeSite = freeSite
    self.sizeClass = sizeClass
    self.formerSite = formerSite
    self.blocks = blocks
  }
}

/// Calls of one place that gave blocks another size, as realloc does: each is a free and an allocation as well.
package struct ResizeCell: Hashable, Sendable {
  package var thread: UInt32
  /// Which call it is, as a free.
  package var freeSite: UInt32
  /// Of blocks whose size before is known, and by how many bytes they became larger, or smaller, all together.
  package var known: UInt64
  package var growth: Int64
  /// Of others, and the bytes that these have now.
  package var unknown: UInt64
  package var bytes: UInt64

  package init(
    thread: UInt32, freeSite: UInt32, known: UInt64 = 0, growth: Int64 = 0, unknown: UInt64 = 0,
    bytes: UInt64 = 0
  ) {
    self.thread = thread
    self.freeSite = freeSite
    self.known = known
    self.growth = growth
    self.unknown = unknown
    self.bytes = bytes
  }
}
