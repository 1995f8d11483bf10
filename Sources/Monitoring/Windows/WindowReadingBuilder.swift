package import AllocationModel
package import AllocationProbes

/// Makes of the events of one process what its windows say: pairs, and frees of what is older.
package struct WindowReadingBuilder {
  private struct Owner {
    var stack: StackSlot
    var thread: UInt32
    var sizeClass: UInt64
  }

  /// Addresses of earlier windows that are remembered, at most; then all are forgotten.
  private static let rememberedLimit = 200_000

  /// Stacks by the number under which they are sites of a reading.
  package private(set) var stacks: [StackSlot] = []
  private var sitesByStack: [StackSlot: UInt32] = [:]
  private var freeSitesByCaller: [UInt64: UInt32] = [:]
  /// Who was last seen to get an address in an earlier window.
  private var formerSites: [UInt64: UInt32] = [:]

  package init() {}

  /// What a recording says of one process.
  package mutating func reading(
    of process: ProcessIdentity, _ slot: ProcessSlot, in recording: WindowRecording
  ) -> WindowReading {
    var live: [UInt64: Owner] = [:]
    var allocations: [AllocationCell: (blocks: UInt64, bytes: UInt64)] = [:]
    var matched: [MatchedCell: UInt64] = [:]
    var unknown: [UnknownCell: UInt64] = [:]
    var events: [UInt32: UInt64] = [:]
    /// The cell that the last free of an address went to, in case it did not come about.
    var lastFree: [UInt64: Undo] = [:]
    for event in recording.events where event.process == slot {
      let thread = UInt32(bitPattern: event.thread)
      let sizeClass = UInt64(event.chunkByteCount)
      switch event.content {
      case .allocated(let bytes, let stack):
        events[thread, default: 0] += 1
        let site = site(of: stack)
        let cell = AllocationCell(
          thread: thread, site: site, sizeClass: sizeClass, blocks: 0, bytes: 0)
        allocations[cell, default: (0, 0)].blocks += 1
        allocations[cell, default: (0, 0)].bytes += bytes
        live[event.address] = Owner(stack: stack, thread: thread, sizeClass: sizeClass)
      case .freed(let caller):
        events[thread, default: 0] += 1
        let freeSite = freeSite(of: caller)
        if let owner = live.removeValue(forKey: event.address) {
          let cell = MatchedCell(
            thread: thread, allocatingThread: owner.thread, site: site(of: owner.stack),
            freeSite: freeSite, sizeClass: owner.sizeClass, blocks: 0)
          matched[cell, default: 0] += 1
          lastFree[event.address] = .matched(cell, owner)
        } else {
          let cell = UnknownCell(
            thread: thread, freeSite: freeSite, sizeClass: sizeClass,
            formerSite: formerSites.removeValue(forKey: event.address), blocks: 0)
          unknown[cell, default: 0] += 1
          lastFree[event.address] = .unknown(cell)
        }
      case .kept:
        switch lastFree.removeValue(forKey: event.address) {
        case .matched(let cell, let owner):
          matched[cell, default: 1] -= 1
          live[event.address] = owner
        case .unknown(let cell): unknown[cell, default: 1] -= 1
        case nil: break
        }
      }
    }
    remember(live)
    return WindowReading(
      process: process, opened: recording.opened,
      recordedNanoseconds: recording.closed - recording.opened,
      isCutShort: recording.isCutShort,
      threads: events.map {
        ThreadCell(
          thread: $0.key, eventCount: $0.value, nanosecondsInside: 0, nanosecondsBetween: 0,
          betweenLength: 0)
      },
      allocations: allocations.map { cell, sum in
        AllocationCell(
          thread: cell.thread, site: cell.site, sizeClass: cell.sizeClass, blocks: sum.blocks,
          bytes: sum.bytes)
      },
      matchedFrees: matched.compactMap { cell, blocks in
        var cell = cell
        cell.blocks = blocks
        return blocks > 0 ? cell : nil
      },
      unknownFrees: unknown.compactMap { cell, blocks in
        var cell = cell
        cell.blocks = blocks
        return blocks > 0 ? cell : nil
      })
  }

  private enum Undo {
    case matched(MatchedCell, Owner)
    case unknown(UnknownCell)
  }

  private mutating func remember(_ live: [UInt64: Owner]) {
    if formerSites.count + live.count > Self.rememberedLimit { formerSites = [:] }
    for (address, owner) in live { formerSites[address] = site(of: owner.stack) }
  }

  private mutating func site(of stack: StackSlot) -> UInt32 {
    if let known = sitesByStack[stack] { return known }
    stacks.append(stack)
    sitesByStack[stack] = UInt32(stacks.count - 1)
    return UInt32(stacks.count - 1)
  }

  private mutating func freeSite(of caller: UInt64) -> UInt32 {
    if let known = freeSitesByCaller[caller] { return known }
    let number = UInt32(freeSitesByCaller.count)
    freeSitesByCaller[caller] = number
    return number
  }
}
