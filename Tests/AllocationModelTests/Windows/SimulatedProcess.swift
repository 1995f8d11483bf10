import AllocationModel
import Glibc
import TestSupport

/// A made-up program that is observed in windows, and knows what really came and went.
///
/// Threads that compute get on slowly within windows: each allocation and each free then takes `eventCost`; in light ones
/// each free takes `lightCost`. Threads that wait for a timer do as much as ever. Addresses are handed out again, mostly at
/// once, so hints from earlier windows are right or stale as in real programs.
struct SimulatedProcess {
  /// What the blocks of a site are for.
  enum Kind {
    /// Freed at once.
    case churn
    /// A fixed number of blocks, one of which, whichever, is replaced each time.
    case pool(Int)
    /// The same, and it is the oldest.
    case cache(Int)
    case leak
    /// A queue, of which so large a share is taken out again; for `period` seconds more comes than goes, then the rest goes.
    case backlog(share: Double, period: Double)
  }

  struct Site {
    /// Of each block.
    var requestedBytes: UInt64 { sizeClass - 16 }
    var kind: Kind
    /// Allocations per second of undisturbed progress.
    var rate: Double
    var sizeClass: UInt64 = 64
    var freeSite: UInt32
    var thread = 0
  }

  /// Seconds that one recorded event takes its thread.
  static let eventCost = 3e-6
  static let lightCost = 2e-6
  /// What that is measured as.
  private static let measuredLightCost = lightCost / 1.15 * 1.05

  let sites: [Site]
  /// Whether the thread computes all the time.
  let isBusy: [Bool]
  /// Blocks that came less those that went since the start, by site.
  private(set) var net: [Int]
  private var generator: SeededGenerator
  private var window = 0
  /// Seconds, real and of each thread's undisturbed progress.
  private(set) var now = 0.0
  private var progress: [Double]
  private var states: [SlotState]
  /// Which site was last seen to get an address, by size.
  private var lastSeen: [UInt64: [UInt32?]] = [:]
  private var gap = 0.0

  /// Where the blocks of a site are.
  private struct SlotState {
    var addresses: [Int] = []
    /// The window that saw a slot's block come; −1 none.
    var seenWindow: [Int] = []
    /// When it came, in progress, or as the count of allocations.
    var seenAt: [Double] = []
    var allocated = 0
    var freed = 0
    /// Which allocations windows saw, in order.
    var seen: [(range: Range<Int>, window: Int)] = []
  }

  init(_ sites: [Site], isBusy: [Bool] = [true], seed: UInt64) {
    self.sites = sites
    self.isBusy = isBusy
    generator = SeededGenerator(seed: seed)
    net = sites.map { _ in 0 }
    progress = isBusy.map { _ in 0 }
    states = []
    for site in sites {
      var state = SlotState()
      if let slots = site.slotCount {
        state.addresses = (0..<slots).map { $0 }
        state.seenWindow = Array(repeating: -1, count: slots)
        state.seenAt = Array(repeating: -1, count: slots)
      }
      states.append(state)
      lastSeen[site.sizeClass, default: Array(repeating: nil, count: 64)] +=
        Array(repeating: nil, count: site.slotCount ?? 0)
    }
  }

  /// Requested bytes that came less those that went since the start.
  var netBytes: Double {
    zip(sites, net).reduce(0) { $0 + Double($1.1) * Double($1.0.requestedBytes) }
  }

  /// Nobody looks.
  mutating func advance(by seconds: Double) {
    now += seconds
    gap += seconds
    for thread in progress.indices { progress[thread] += seconds }
    for index in sites.indices { _ = pass(index, seconds: seconds) }
  }

  /// What a site does while nobody sees it: how many blocks went.
  private mutating func pass(_ index: Int, seconds: Double) -> Int {
    let (came, went) = turnover(index, seconds: seconds)
    net[index] += came - went
    states[index].allocated += came
    states[index].freed += went
    return went
  }

  /// Only frees are recorded for so long.
  mutating func recordLight(seconds: Double) -> WindowReading {
    var reading = WindowReading(
      process: process, opened: UInt64(now * 1e9), recordedNanoseconds: UInt64(seconds * 1e9),
      isLight: true, eventNanoseconds: Self.measuredLightCost * 1e9)
    for thread in isBusy.indices {
      let rate = freeRate(thread)
      let pace = isBusy[thread] ? 1 / (1 + rate * Self.lightCost) : 1
      progress[thread] += seconds * pace
      let frees = sites.indices.filter { sites[$0].thread == thread }
        .reduce(0) { $0 + UInt64(pass($1, seconds: seconds * pace)) }
      let share = ownShare(thread)
      let inside = isBusy[thread] ? seconds : seconds * share + Double(frees) * Self.lightCost
      reading.threads.append(cell(thread, frees, inside, seconds, share, frees: frees))
    }
    now += seconds
    gap = 0
    return reading
  }

  /// Of a core, while nobody looks.
  private func ownShare(_ thread: Int) -> Double { isBusy[thread] ? 1 : eventRate(thread) * 1e-6 }

  private func cell(
    _ thread: Int, _ events: UInt64, _ inside: Double, _ seconds: Double, _ ownShare: Double,
    frees: UInt64
  ) -> ThreadCell {
    ThreadCell(
      thread: UInt32(thread), eventCount: events, nanosecondsInside: UInt64(inside * 1e9),
      insideLength: UInt64(seconds * 1e9), freesInside: frees,
      nanosecondsBetween: UInt64(gap * ownShare * 1e9), betweenLength: UInt64(gap * 1e9))
  }

  /// Recorded for so long.
  mutating func record(seconds: Double) -> WindowReading {
    window += 1
    var reading = WindowReading(
      process: process, opened: UInt64(now * 1e9), recordedNanoseconds: UInt64(seconds * 1e9),
      eventNanoseconds: Self.eventCost * 1e9)
    let rates = isBusy.indices.map(eventRate)
    var tally = Tally()
    for index in sites.indices {
      let site = sites[index]
      let pace = isBusy[site.thread] ? 1 / (1 + rates[site.thread] * Self.eventCost) : 1
      let seconds = seconds * pace
      switch site.kind {
      case .churn: churn(index, seconds, &tally)
      case .pool, .cache: replace(index, seconds, &tally)
      case .leak:
        let (came, _) = turnover(index, seconds: seconds)
        tally.came(index, came)
        net[index] += came
      case .backlog: queue(index, seconds, &tally)
      }
    }
    tally.write(into: &reading, sites)
    for thread in progress.indices {
      let pace = isBusy[thread] ? 1 / (1 + rates[thread] * Self.eventCost) : 1
      progress[thread] += seconds * pace
      let events = tally.events(of: thread, sites)
      let share = ownShare(thread)
      let inside = isBusy[thread] ? seconds : seconds * share + Double(events) * Self.eventCost
      reading.threads.append(
        cell(
          thread, events, inside, seconds, share,
          frees: events - tally.allocations(of: thread, sites)))
    }
    now += seconds
    gap = 0
    return reading
  }

  /// Frees a second of a thread that nobody looks at.
  private func freeRate(_ thread: Int) -> Double {
    sites.filter { $0.thread == thread }.reduce(0) { sum, site in
      if case .leak = site.kind { sum } else { sum + site.rate }
    }
  }

  /// Allocations and frees a second of a thread that nobody looks at.
  func eventRate(_ thread: Int) -> Double {
    sites.filter { $0.thread == thread }.reduce(0) { sum, site in
      if case .leak = site.kind { sum + site.rate } else { sum + 2 * site.rate }
    }
  }

  // MARK: Kinds

  /// How many came and went.
  private mutating func turnover(_ index: Int, seconds: Double) -> (came: Int, went: Int) {
    let site = sites[index]
    let came = count(mean: site.rate * seconds)
    switch site.kind {
    case .churn, .pool, .cache: return (came, came)
    case .leak: return (came, 0)
    case .backlog(let share, let period):
      let isFilling = Int(now / period).isMultiple(of: 2)
      let waiting = states[index].allocated - states[index].freed + came
      let wanted = count(mean: site.rate * seconds * (isFilling ? share : 2 - share))
      return (came, min(waiting, wanted))
    }
  }

  private mutating func churn(_ index: Int, _ seconds: Double, _ tally: inout Tally) {
    let pairs = count(mean: sites[index].rate * seconds)
    tally.came(index, pairs)
    tally.matched(index, pairs)
    for _ in 0..<min(16, pairs) { stamp(index, address(sites[index].sizeClass)) }
    // A block that is there when the window opens or closes.
    if Bool.random(using: &generator) { tally.went(index, hint: hint(index)) }
    if Bool.random(using: &generator) { tally.came(index, 1) }
  }

  private mutating func replace(_ index: Int, _ seconds: Double, _ tally: inout Tally) {
    let site = sites[index]
    let slots = states[index].addresses.count
    for _ in 0..<count(mean: site.rate * seconds) {
      let slot: Int
      let isUnseen: Bool
      if case .cache = site.kind {
        slot = states[index].allocated % slots
        isUnseen = states[index].seenAt[slot] != Double(states[index].allocated - slots)
      } else {
        slot = Int.random(in: 0..<slots, using: &generator)
        let turns = site.rate * (progress[site.thread] - states[index].seenAt[slot]) / Double(slots)
        isUnseen =
          states[index].seenWindow[slot] != window
          && Double.random(in: 0..<1, using: &generator) > exp(-turns)
      }
      if isUnseen { states[index].addresses[slot] = address(site.sizeClass) }
      if !isUnseen, states[index].seenWindow[slot] == window {
        tally.matched(index, 1)
      } else {
        tally.went(index, hint: lastSeen[site.sizeClass]?[states[index].addresses[slot]])
      }
      tally.came(index, 1)
      if Int.random(in: 0..<10, using: &generator) == 0 {
        states[index].addresses[slot] = address(site.sizeClass)
      }
      stamp(index, states[index].addresses[slot])
      states[index].seenWindow[slot] = window
      if case .cache = site.kind {
        states[index].seenAt[slot] = Double(states[index].allocated)
      } else {
        states[index].seenAt[slot] = progress[site.thread]
      }
      states[index].allocated += 1
    }
  }

  private mutating func queue(_ index: Int, _ seconds: Double, _ tally: inout Tally) {
    let (came, went) = turnover(index, seconds: seconds)
    net[index] += came - went
    tally.came(index, came)
    let start = states[index].allocated
    states[index].seen.append((start..<(start + came), window))
    states[index].allocated += came
    for _ in 0..<went {
      let block = states[index].freed
      states[index].freed += 1
      while let first = states[index].seen.first, first.range.upperBound <= block {
        states[index].seen.removeFirst()
      }
      guard let first = states[index].seen.first, first.range.contains(block) else {
        tally.went(index, hint: hint(index))
        continue
      }
      if first.window == window {
        tally.matched(index, 1)
      } else {
        tally.went(index, hint: UInt32(index))
      }
    }
  }

  // MARK: Addresses and chance

  private mutating func address(_ sizeClass: UInt64) -> Int {
    Int.random(in: 0..<(lastSeen[sizeClass]?.count ?? 1), using: &generator)
  }

  private mutating func hint(_ index: Int) -> UInt32? {
    let sizeClass = sites[index].sizeClass
    let address = address(sizeClass)
    return lastSeen[sizeClass]?[address]
  }

  private mutating func stamp(_ index: Int, _ address: Int) {
    lastSeen[sites[index].sizeClass]?[address] = UInt32(index)
  }

  private mutating func count(mean: Double) -> Int {
    guard mean > 30 else { return generator.poisson(mean: mean) }
    let radius = (2 * generator.exponential(mean: 1)).squareRoot()
    let angle = Double.random(in: 0..<(2 * Double.pi), using: &generator)
    return max(0, Int((mean + mean.squareRoot() * radius * cos(angle)).rounded()))
  }
}

extension SimulatedProcess.Site {
  fileprivate var slotCount: Int? {
    switch kind {
    case .pool(let slots), .cache(let slots): slots
    default: nil
    }
  }
}

/// What happens within one window, by site.
private struct Tally {
  private var allocated: [Int: UInt64] = [:]
  private var pairs: [Int: UInt64] = [:]
  private var unknown: [Int: [UInt32?: UInt64]] = [:]

  mutating func came(_ site: Int, _ blocks: Int) { allocated[site, default: 0] += UInt64(blocks) }
  mutating func matched(_ site: Int, _ blocks: Int) { pairs[site, default: 0] += UInt64(blocks) }
  mutating func went(_ site: Int, hint: UInt32?) {
    unknown[site, default: [:]][hint, default: 0] += 1
  }

  func allocations(of thread: Int, _ sites: [SimulatedProcess.Site]) -> UInt64 {
    sites.indices.filter { sites[$0].thread == thread }.reduce(0) { $0 + (allocated[$1] ?? 0) }
  }

  func events(of thread: Int, _ sites: [SimulatedProcess.Site]) -> UInt64 {
    sites.indices.filter { sites[$0].thread == thread }.reduce(0) { sum, site in
      sum + (allocated[site] ?? 0) + (pairs[site] ?? 0)
        + (unknown[site] ?? [:]).values.reduce(0, +)
    }
  }

  func write(into reading: inout WindowReading, _ sites: [SimulatedProcess.Site]) {
    for (index, site) in sites.enumerated() {
      let thread = UInt32(site.thread)
      if let blocks = allocated[index], blocks > 0 {
        reading.allocations.append(
          AllocationCell(
            thread: thread, site: UInt32(index), sizeClass: site.sizeClass, blocks: blocks,
            bytes: blocks * site.requestedBytes))
      }
      if let blocks = pairs[index], blocks > 0 {
        reading.matchedFrees.append(
          MatchedCell(
            thread: thread, site: UInt32(index), freeSite: site.freeSite,
            sizeClass: site.sizeClass, blocks: blocks, bytes: blocks * site.requestedBytes))
      }
      for (hint, blocks) in unknown[index] ?? [:] {
        reading.unknownFrees.append(
          UnknownCell(
            thread: thread, freeSite: site.freeSite, sizeClass: site.sizeClass, formerSite: hint,
            blocks: blocks))
      }
    }
  }
}
