/// What is remembered of one site of one process between readings.
struct SiteEntry: Sendable {
  /// What tells a site from others.
  struct Key: Hashable {
    var process: ProcessIdentity
    var id: SiteID
  }

  var snapshot: SiteSnapshot
  /// The last reading this site was part of.
  var lastFold = 0
  /// The process has ended and its last reading is folded: the verdict stays what it was.
  var isFinal = false
  /// When it is to be judged again, in seconds since observation began.
  private(set) var nextJudging = 0.0
  private var history = SiteHistory()
  /// What the history knows; most sites do nothing at most polls, and then it isn't touched.
  private var notedCounters = AllocationCounters()
  /// Polls since then, in which nothing happened.
  private var quietPolls = 0
  /// Allocations and frees up to the first reading.
  private var firstEvents: UInt64

  init(_ snapshot: SiteSnapshot) {
    self.snapshot = snapshot
    firstEvents = snapshot.counters.eventCount
  }

  var key: Key { Key(process: snapshot.process, id: snapshot.id) }

  /// Enough has happened to call it growing, if that is what it does.
  var isTested: Bool {
    if let estimate = snapshot.estimate { return estimate.isTested }
    return snapshot.counters.eventCount >= firstEvents &+ 10
  }

  /// Takes over the figures of a reading.
  mutating func take(_ reading: borrowing SiteReading) {
    if (snapshot.estimate == nil) != (reading.estimate == nil) { restart(reading.counters) }
    snapshot.estimate = reading.estimate
    snapshot.counters = reading.counters
    snapshot.ending = reading.ending
    snapshot.oldest = reading.oldest
    snapshot.temporaryBlocks = reading.temporaryBlocks
    snapshot.lifetimes = reading.lifetimes
    // A later reading may know names that an earlier one didn't.
    if !snapshot.stack.isSameArray(as: reading.stack) { snapshot.stack = reading.stack }
  }

  /// Estimates begin or end: what was counted before says nothing about what is counted now.
  private mutating func restart(_ counters: AllocationCounters) {
    history = SiteHistory()
    notedCounters = AllocationCounters()
    quietPolls = 0
    nextJudging = 0
    firstEvents = counters.eventCount
    snapshot.peakBytes = 0
  }

  /// Adds a second reading of the same site.
  mutating func add(_ reading: borrowing SiteReading) { snapshot.add(reading) }

  /// Takes note of the counters that were read at `elapsed`; `previous` is when they were read before.
  ///
  /// Estimates have their own past.
  mutating func note(
    at elapsed: Double, previous: Double, _ settings: SnapshotBuilder.Settings
  ) {
    guard snapshot.estimate == nil else { return }
    if snapshot.counters == notedCounters, nextJudging > 0 {
      quietPolls += 1
      return
    }
    if quietPolls > 0 {
      history.extendQuiet(to: previous, polls: quietPolls, sampleLimit: settings.sampleLimit)
    }
    quietPolls = 0
    notedCounters = snapshot.counters
    snapshot.peakBytes = max(snapshot.peakBytes, snapshot.counters.liveBytes)
    history.append(
      snapshot.counters, at: elapsed, memory: settings.memory, sampleLimit: settings.sampleLimit)
    nextJudging = elapsed
  }

  mutating func judge(_ judge: TrendJudge, at elapsed: Double) {
    if let estimate = snapshot.estimate {
      conclude(judge.trend(of: estimate))
      nextJudging = elapsed
      return
    }
    if quietPolls > 0 {
      history.extendQuiet(
        to: elapsed, polls: quietPolls, sampleLimit: judge.settings.sampleLimit)
    }
    quietPolls = 0
    let trend = judge.trend(of: history, snapshot)
    conclude(trend)
    nextJudging = elapsed + trend.validity(horizon: judge.settings.horizon)
  }

  private mutating func conclude(_ trend: Trend) {
    snapshot.growth = trend.growth
    snapshot.assessment = trend.assessment
  }
}

extension Trend {
  /// Seconds for which nothing changes if nothing happens.
  fileprivate func validity(horizon: Double) -> Double {
    switch assessment.finding {
    case .held(_, let duration), .empty(let duration):
      // The sentence tells minutes.
      duration >= horizon * 0.999 ? .infinity : duration >= 120 ? 30 : 0
    default: 0
    }
  }
}

extension Array {
  /// They share their elements, so they are equal; false says nothing.
  fileprivate func isSameArray(as other: borrowing Self) -> Bool {
    let count = other.count
    return count == self.count
      && withUnsafeBufferPointer { $0.baseAddress }
        == other.withUnsafeBufferPointer { $0.baseAddress }
  }
}
