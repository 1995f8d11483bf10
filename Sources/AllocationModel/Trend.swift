/// How a site's figures move: its growth and what is concluded from it.
struct Trend: Hashable, Sendable {
  var growth: GrowthRate
  var assessment: Assessment

  init(growth: GrowthRate, verdict: Verdict, reason: String) {
    self.growth = growth
    self.assessment = Assessment(verdict: verdict, reason: reason)
  }
}

/// The figures of one site that a trend is judged by.
struct TrendEvidence: Sendable {
  /// All samples of the horizon, the warm-up among them.
  let samples: [FlowSample]
  /// Polls since the site was first seen, and how long that is in seconds.
  let readingCount: Int
  let observed: Double
  /// Age of the oldest live block in seconds; nil where it isn't known.
  let oldest: Double?
  /// The horizon without the warm-up, and its halves.
  let whole: NetFlow
  let earlier: NetFlow
  let recent: NetFlow

  init(history: SiteHistory, oldest: Double?, settings: SnapshotBuilder.Settings) {
    let settled = history.settled(
      warmUpLimit: settings.warmUpLimit,
      minimumSamples: settings.minimumSamples
    )
    samples = history.samples
    self.oldest = oldest
    readingCount = history.readingCount
    observed = (samples.last?.elapsed ?? 0) - history.firstElapsed
    whole = NetFlow(settled)
    let middle = Self.middle(of: settled)
    earlier = NetFlow(settled[...middle])
    recent = NetFlow(settled[middle...])
  }

  var live: AllocationCounters { samples.last?.counters ?? AllocationCounters() }

  /// The sample nearest to the middle of the time they span.
  private static func middle(of samples: ArraySlice<FlowSample>) -> Int {
    guard let first = samples.first, let last = samples.last else { return samples.startIndex }
    let half = (first.elapsed + last.elapsed) / 2
    var nearest = samples.startIndex
    for index in samples.indices
    where (samples[index].elapsed - half).magnitude < (samples[nearest].elapsed - half).magnitude {
      nearest = index
    }
    return nearest
  }
}

extension TrendEvidence {
  /// The first verdict that holds.
  ///
  /// `strictness` (≥ 1) widens the margins of the growth tests, for many sites that are judged
  /// together.
  func trend(minimumSamples: Int, strictness: Double) -> Trend {
    guard readingCount >= minimumSamples else {
      return Trend(
        growth: whole.growth,
        verdict: .new,
        reason: "seen for \(Figure.duration(max(0, observed))) in \(readingCount) of the "
          + "\(minimumSamples) samples a verdict needs"
      )
    }
    if let growing = growingBlock ?? growing(strictness: strictness) { return growing }
    if let settling { return settling }
    if whole.isQuiet { return quiet }
    if whole.allocatedBlocks > 0, whole.freedBlocks > 0, whole.blocks.includesZero,
      whole.bytes.includesZero
    {
      return Trend(growth: whole.growth, verdict: .steady, reason: turnover)
    }
    return mixed
  }

  private func growing(strictness: Double) -> Trend? {
    guard whole.bytes.value > 0 else { return nil }
    let byBlocks = whole.blocks.isAboveZero(strictness: strictness)
    guard byBlocks || whole.bytes.isAboveZero(strictness: strictness) else { return nil }
    guard !hasLevelledOff(by: byBlocks ? \.blocks : \.bytes) else { return nil }
    return Trend(growth: whole.growth, verdict: .growing, reason: growthReason(byBlocks: byBlocks))
  }

  private func growthReason(byBlocks: Bool) -> String {
    var reason = "grew \(speed(whole.growth)) for \(Figure.duration(whole.duration)), "
    let freed =
      whole.freedBlocks > whole.allocatedBlocks ? whole.allocatedBlocks : whole.freedBlocks
    if !byBlocks, whole.blocks.includesZero {
      reason += "\(Figure.blocks(whole.allocatedBlocks)) took the place of smaller ones"
    } else {
      reason += "\(Figure.count(freed)) of \(Figure.blocks(whole.allocatedBlocks)) freed"
    }
    guard let oldest, whole.freedBlocks > 0 else { return reason }
    // Blocks as old as the window have outlived everything that was freed in it.
    if oldest >= 0.9 * whole.duration {
      return reason + ", kept: the oldest is \(Figure.duration(oldest)) old"
    }
    return reason + ", backlog: none is older than \(Figure.duration(oldest))"
  }

  /// Few blocks that never lose a byte and keep gaining some, as a buffer does that realloc grows.
  ///
  /// The number of blocks can't show it. Buffers that double grow ever more rarely, so the warm-up
  /// counts here.
  private var growingBlock: Trend? {
    let blockCount = live.liveBlocks
    guard (1...8).contains(blockCount) else { return nil }
    let all = NetFlow(samples[...])
    let middle = Self.middle(of: samples[...])
    let halves = [NetFlow(samples[...middle]), NetFlow(samples[middle...])]
    guard all.blocks.value.magnitude <= 1, all.duration > 0,
      halves.allSatisfy({ $0.bytes.value > 0 })
    else { return nil }
    var rises = 0
    for (before, after) in zip(samples, samples.dropFirst()) {
      if after.counters.liveBytes < before.counters.liveBytes { return nil }
      if after.counters.liveBytes > before.counters.liveBytes { rises += 1 }
    }
    guard rises >= 4 else { return nil }
    let rates = halves.map { $0.bytes.value / $0.duration }
    let growth = GrowthRate(
      bytesPerSecond: all.bytes.value / all.duration,
      low: min(rates[0], rates[1]),
      high: max(rates[0], rates[1])
    )
    let blocks = blockCount == 1 ? "one growing block" : "\(blockCount) growing blocks"
    return Trend(
      growth: growth,
      verdict: .growing,
      reason: "grew \(speed(growth)) for \(Figure.duration(all.duration)), \(blocks) of now "
        + Figure.bytes(live.liveBytes)
    )
  }

  /// It grew beyond chance in the first half, and the second half shows no growth.
  private var settling: Trend? {
    let byBlocks = earlier.blocks.isAboveZero() && earlier.bytes.value > 0
    guard byBlocks || earlier.bytes.isAboveZero() else { return nil }
    guard hasLevelledOff(by: byBlocks ? \.blocks : \.bytes) else { return nil }
    let since =
      recent.isQuiet
      ? "no allocation or free"
      : "\(Figure.blocks(recent.allocatedBlocks)) allocated and "
        + "\(Figure.count(recent.freedBlocks)) freed"
    return Trend(
      growth: recent.growth,
      verdict: .settling,
      reason: "grew \(Figure.bytes(earlier.bytes.value)), then \(since) in the last "
        + Figure.duration(recent.duration)
    )
  }

  /// The second half's flow can't be told from zero, but can be told from the first half's.
  private func hasLevelledOff(by measure: KeyPath<NetFlow, Estimate>) -> Bool {
    guard earlier.duration > 0, recent.duration > 0 else { return false }
    let (before, after) = (earlier[keyPath: measure], recent[keyPath: measure])
    guard after.includesZero else { return false }
    let decline = before.value / earlier.duration - after.value / recent.duration
    let marginBefore = before.margin / earlier.duration
    let marginAfter = after.margin / recent.duration
    return decline > (marginBefore * marginBefore + marginAfter * marginAfter).squareRoot()
  }

  private var quiet: Trend {
    let since = "no allocation or free for \(Figure.duration(whole.duration))"
    guard live.liveBlocks > 0 || live.liveBytes > 0 else {
      return Trend(growth: whole.growth, verdict: .mixed, reason: "nothing live, \(since)")
    }
    return Trend(
      growth: whole.growth,
      verdict: .idle,
      reason: "\(Figure.blocks(live.liveBlocks)) held, \(since)"
    )
  }

  private var mixed: Trend {
    let direction =
      whole.growth.high < 0
      ? "shrank \(speed(whole.growth)) for \(Figure.duration(whole.duration)), "
      : "no clear direction, "
    return Trend(growth: whole.growth, verdict: .mixed, reason: direction + turnover)
  }

  private var turnover: String {
    "\(Figure.blocks(whole.allocatedBlocks)) allocated and \(Figure.count(whole.freedBlocks)) "
      + "freed in \(Figure.duration(whole.duration))"
  }

  private func speed(_ growth: GrowthRate) -> String {
    Figure.bytes(growth.bytesPerSecond.magnitude) + "/s"
  }
}
