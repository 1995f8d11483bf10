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
      case .allocated(let bytes, let stack):
        tally.allocate(event, bytes: bytes, site: number(of: key(stack)))
      case .freed(let caller):
        let freeSite = freeSite(of: caller)
        tally.free(event, freeSite: freeSite) { formerSites.removeValue(forKey: $0) }
      case .kept: tally.keep(event.address)
      case .began(let time, let cpu):
        clocks.begin(event.thread, at: time, cpuNanoseconds: cpu)
      }
    }
    var reading = tally.reading(of: process, in: recording)
    remember(tally.live)
    reading.eventNanoseconds = eventNanoseconds
    for index in reading.threads.indices { clocks.complete(&reading.threads[index], recording) }
    clocks.forgetOld(before: recording.opened)
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

/// CPU times of a process's threads, in and between windows.
private struct ThreadClocks {
  private struct Clock {
    var began: UInt64
    var cpuAtBeginning: UInt64
    /// Since the window before, and how long that is ago.
    var between: UInt64 = 0
    var betweenLength: UInt64 = 0
    /// When it was looked at last, after a window.
    var seen: UInt64?
    var cpuWhenSeen: UInt64 = 0
  }

  /// A thread that was not seen for so long is forgotten, ns.
  private static let memory: UInt64 = 60_000_000_000

  private var clocks: [Int32: Clock] = [:]

  mutating func begin(_ thread: Int32, at time: UInt64, cpuNanoseconds: UInt64) {
    var clock = Clock(began: time, cpuAtBeginning: cpuNanoseconds)
    if let last = clocks[thread], let seen = last.seen, time > seen,
      cpuNanoseconds >= last.cpuWhenSeen
    {
      clock.between = cpuNanoseconds - last.cpuWhenSeen
      clock.betweenLength = time - seen
    }
    clocks[thread] = clock
  }

  /// Fills in what is known of a thread's time.
  mutating func complete(_ cell: inout ThreadCell, _ recording: WindowRecording) {
    let thread = Int32(bitPattern: cell.thread)
    guard let clock = clocks[thread], let after = recording.cpuNanoseconds[thread],
      after >= clock.cpuAtBeginning, recording.closed > clock.began
    else { return }
    cell.nanosecondsInside = after - clock.cpuAtBeginning
    cell.insideLength = recording.closed - clock.began
    cell.nanosecondsBetween = clock.between
    cell.betweenLength = clock.betweenLength
    clocks[thread]?.seen = recording.closed
    clocks[thread]?.cpuWhenSeen = after
  }

  mutating func forgetOld(before now: UInt64) {
    guard clocks.count > 64 else { return }
    clocks = clocks.filter { $0.value.began + Self.memory > now }
  }
}
