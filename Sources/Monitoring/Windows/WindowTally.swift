import AllocationModel
import AllocationProbes

/// The allocations and frees of one process in one window, counted by thread, site, call and size.
struct WindowTally {
  /// Who got a block.
  struct Owner {
    var site: UInt32
    var thread: UInt32
    var sizeClass: UInt64
    /// As requested.
    var bytes: UInt64
  }

  private struct Amount {
    var blocks: UInt64 = 0
    var bytes: UInt64 = 0
  }

  /// A call that resizes a block, between its free and its allocation: what the block had, if that is known.
  private struct Resize {
    var freeSite: UInt32
    var bytes: UInt64?
  }

  private struct ResizePlace: Hashable {
    var thread: UInt32
    var freeSite: UInt32
  }

  /// The cell that a free went to, in case it did not come about.
  private enum Undo {
    case matched(MatchedCell, Owner)
    case unknown(UnknownCell)
  }

  /// What a thread did first and last.
  ///
  /// Between two calls it may have a block that lives for no longer than that. A window which opens there sees the free
  /// alone, one which closes there the allocation alone, and not equally often: recording makes some gaps longer than others. Of
  /// a busy thread both are left out, so that what is freed at once is in balance.
  private struct Edges {
    var firstFree: UnknownCell?
    var lastAllocation: (cell: AllocationCell, bytes: UInt64, address: UInt64)?
  }

  /// A thread with fewer events would lose too much of what it did.
  private static let busyEvents: UInt64 = 100

  /// Blocks that were allocated in the window and not freed, by address.
  private(set) var live: [UInt64: Owner] = [:]
  private var allocations: [AllocationCell: Amount] = [:]
  private var matched: [MatchedCell: Amount] = [:]
  private var resizes: [ResizePlace: ResizeCell] = [:]
  private var pendingResizes: [UInt32: Resize] = [:]
  private var unknown: [UnknownCell: UInt64] = [:]
  private var events: [UInt32: UInt64] = [:]
  private var frees: [UInt32: UInt64] = [:]
  private var edges: [UInt32: Edges] = [:]
  private var lastFree: [UInt64: Undo] = [:]

  /// Allocations and frees of a thread so far, and among them calls of functions that free.
  func counts(of thread: Int32) -> (events: UInt64, frees: UInt64) {
    let thread = UInt32(bitPattern: thread)
    return (events[thread] ?? 0, frees[thread] ?? 0)
  }

  mutating func allocate(
    _ event: WindowEvent, bytes: UInt64, site: UInt32, isReallocation: Bool
  ) {
    let thread = UInt32(bitPattern: event.thread)
    let sizeClass = UInt64(event.chunkByteCount)
    events[thread, default: 0] += 1
    let cell = AllocationCell(
      thread: thread, site: site, sizeClass: sizeClass, blocks: 0, bytes: 0)
    allocations[cell, default: Amount()].blocks += 1
    allocations[cell, default: Amount()].bytes += bytes
    live[event.address] = Owner(site: site, thread: thread, sizeClass: sizeClass, bytes: bytes)
    if let resize = pendingResizes.removeValue(forKey: thread), isReallocation {
      note(resize, to: bytes, of: thread, sizeClass: sizeClass)
      edges[thread]?.lastAllocation = nil
    } else {
      edges[thread, default: Edges()].lastAllocation = (cell, bytes, event.address)
    }
  }

  private mutating func note(
    _ resize: Resize, to bytes: UInt64, of thread: UInt32, sizeClass: UInt64
  ) {
    // Where chunks keep sizes, it is known by their frees what blocks had.
    guard sizeClass == 0 else { return }
    let place = ResizePlace(thread: thread, freeSite: resize.freeSite)
    var cell = resizes[place] ?? ResizeCell(thread: thread, freeSite: resize.freeSite)
    if let before = resize.bytes {
      cell.known += 1
      cell.growth += Int64(bitPattern: bytes &- before)
    } else {
      cell.unknown += 1
      cell.bytes &+= bytes
    }
    resizes[place] = cell
  }

  /// - Parameter formerSite: who had an address in an earlier window, which is asked for at most once.
  mutating func free(
    _ event: WindowEvent, freeSite: UInt32, isReallocation: Bool,
    formerSite: (UInt64) -> UInt32?
  ) {
    let thread = UInt32(bitPattern: event.thread)
    let isFirst = events[thread] == nil
    events[thread, default: 0] += 1
    if !isReallocation { frees[thread, default: 0] += 1 }
    edges[thread]?.lastAllocation = nil
    let owner = live.removeValue(forKey: event.address)
    pendingResizes[thread] =
      isReallocation ? Resize(freeSite: freeSite, bytes: owner?.bytes) : nil
    if let owner {
      let cell = MatchedCell(
        thread: thread, allocatingThread: owner.thread, site: owner.site, freeSite: freeSite,
        sizeClass: owner.sizeClass, blocks: 0, bytes: 0)
      matched[cell, default: Amount()].blocks += 1
      matched[cell, default: Amount()].bytes += owner.bytes
      lastFree[event.address] = .matched(cell, owner)
    } else {
      let cell = UnknownCell(
        thread: thread, freeSite: freeSite, sizeClass: UInt64(event.chunkByteCount),
        formerSite: formerSite(event.address), blocks: 0)
      unknown[cell, default: 0] += 1
      lastFree[event.address] = .unknown(cell)
      if isFirst, !isReallocation { edges[thread] = Edges(firstFree: cell) }
    }
  }

  /// The last free of a block did not come about.
  mutating func keep(_ event: WindowEvent) {
    let address = event.address
    pendingResizes[UInt32(bitPattern: event.thread)] = nil
    switch lastFree.removeValue(forKey: address) {
    case .matched(let cell, let owner):
      matched[cell]?.blocks -= 1
      matched[cell]?.bytes -= owner.bytes
      live[address] = owner
    case .unknown(let cell): unknown[cell, default: 1] -= 1
    case nil: break
    }
  }

  /// Leaves out what busy threads did first and last, where that may be half of a pair.
  private mutating func trimEdges() {
    for (thread, edges) in edges where events[thread, default: 0] >= Self.busyEvents {
      if let cell = edges.firstFree, let blocks = unknown[cell], blocks > 0 {
        unknown[cell] = blocks - 1
      }
      guard let last = edges.lastAllocation, live.removeValue(forKey: last.address) != nil else {
        continue
      }
      allocations[last.cell]?.blocks -= 1
      allocations[last.cell]?.bytes -= last.bytes
    }
  }

  mutating func reading(of process: ProcessIdentity, in recording: WindowRecording) -> WindowReading
  {
    trimEdges()
    return WindowReading(
      process: process, opened: recording.opened,
      recordedNanoseconds: recording.closed - recording.opened,
      isCutShort: recording.isCutShort,
      threads: events.map {
        ThreadCell(thread: $0.key, eventCount: $0.value, freesInside: frees[$0.key] ?? 0)
      },
      allocations: allocations.compactMap { cell, amount in
        var cell = cell
        cell.blocks = amount.blocks
        cell.bytes = amount.bytes
        return amount.blocks > 0 ? cell : nil
      },
      matchedFrees: matched.compactMap { cell, amount in
        var cell = cell
        cell.blocks = amount.blocks
        cell.bytes = amount.bytes
        return amount.blocks > 0 ? cell : nil
      },
      unknownFrees: unknown.compactMap { cell, blocks in
        var cell = cell
        cell.blocks = blocks
        return blocks > 0 ? cell : nil
      },
      resizes: Array(resizes.values))
  }
}
