package import AllocationModel
package import AllocationProbes

/// Makes of the events of one process what its windows say: pairs, and frees of what is older.
package struct WindowReadingBuilder {
  /// Addresses of earlier windows that are remembered, at most; then all are forgotten.
  private static let rememberedLimit = 200_000

  /// What the caller's numbers of sites in readings stand for: `key` of the stacks.
  package private(set) var sites: [UInt64] = []
  private var numbersBySite: [UInt64: UInt32] = [:]
  private var freeSitesByCaller: [UInt64: UInt32] = [:]
  /// Who was last seen to get an address in an earlier window.
  private var formerSites: [UInt64: UInt32] = [:]
  private var clocks = ThreadClocks()

  package init() {}

  /// What a recording says of one process.
  ///
  /// - Parameters:
  ///   - events: those of the process, in their order.
  ///   - recording: whose events they are.
  ///   - eventNanoseconds: by which an event delays its thread, of so many allocations and frees.
  ///   - key: of the site that a stack belongs to; several may share one.
  package mutating func reading(
    of process: ProcessIdentity, _ events: some Sequence<WindowEvent>,
    in recording: WindowRecording, eventNanoseconds: Double = 0,
    key: (StackSlot) -> UInt64
  ) -> WindowReading {
    var tally = WindowTally()
    for event in events {
      switch event.content {
      case .allocated(let bytes, let stack, _, let isReallocation):
        tally.allocate(
          event, bytes: bytes, site: number(of: key(stack)), isReallocation: isReallocation)
      case .freed(let caller, let isReallocation):
        let freeSite = freeSite(of: caller)
        tally.free(event, freeSite: freeSite, isReallocation: isReallocation) {
          formerSites.removeValue(forKey: $0)
        }
      case .kept: tally.keep(event)
      case .ran(let moment):
        clocks.note(moment, of: event.thread, counts: tally.counts(of: event.thread))
      }
    }
    var reading = tally.reading(of: process, in: recording)
    remember(tally.live)
    reading.eventNanoseconds = eventNanoseconds
    if recording.isLight { (reading.isLight, reading.unknownFrees) = (true, []) }
    clocks.finish(&reading.threads, recording)
    return reading
  }

  /// Addresses of blocks that were there at the end of a window, by what they stand for; some are others' by now.
  package func rememberedBlocks() -> [SiteID: [UInt64]] {
    var result: [SiteID: [UInt64]] = [:]
    for (address, site) in formerSites {
      result[SiteID(rawValue: sites[Int(site)]), default: []].append(address)
    }
    return result
  }

  private mutating func remember(_ live: [UInt64: WindowTally.Owner]) {
    if formerSites.count + live.count > Self.rememberedLimit { formerSites = [:] }
    for (address, owner) in live { formerSites[address] = owner.site }
  }

  private mutating func number(of site: UInt64) -> UInt32 {
    if let known = numbersBySite[site] { return known }
    sites.append(site)
    numbersBySite[site] = UInt32(sites.count - 1)
    return UInt32(sites.count - 1)
  }

  private mutating func freeSite(of caller: UInt64) -> UInt32 {
    if let known = freeSitesByCaller[caller] { return known }
    let number = UInt32(freeSitesByCaller.count)
    freeSitesByCaller[caller] = number
    return number
  }
}
