/// How a site's figures move: its growth and what is concluded from it.
struct Trend: Hashable, Sendable {
  var growth: GrowthRate
  var assessment: Assessment

  init(_ verdict: Verdict, _ growth: GrowthRate, _ finding: Finding) {
    self.growth = growth
    self.assessment = Assessment(verdict: verdict, finding: finding)
  }
}

/// Judges one site by its history.
struct TrendJudge {
  let settings: SnapshotBuilder.Settings
  /// Standard deviations that growth must be above zero; it depends on how many sites are judged together.
  let strictness: Double

  /// Falls that growth must outweigh count so much the more, the more sites are judged.
  private var fallWeight: Double { 0.65 * strictness }

  /// The first verdict that holds.
  func trend(of history: SiteHistory, _ site: SiteSnapshot) -> Trend {
    history.samples.withUnsafeBufferPointer { samples in
      let path = SitePath(
        samples, firstElapsed: history.firstElapsed, lifetimes: site.lifetimes, settings)
      return trend(of: path, history, site)
    }
  }

  private func trend(of path: SitePath, _ history: SiteHistory, _ site: SiteSnapshot) -> Trend {
    let recent = path.flow(path.recent)
    guard history.readingCount >= settings.minimumSamples else {
      return Trend(
        .new, recent.growth,
        .short(
          observed: (path.samples.last?.elapsed ?? 0) - history.firstElapsed,
          readings: history.readingCount, needed: settings.minimumSamples))
    }
    if let enlarged = enlarged(path, site) { return enlarged }
    if let growing = growing(path, path.recent, recent, site) { return growing }
    if path.settled.start < path.recent.start,
      case let whole = path.flow(path.settled),
      let growing = growing(path, path.settled, whole, site)
    {
      return growing
    }
    if let settling = settling(path) { return settling }
    let flow = Finding.Flow(
      allocated: recent.allocatedBlocks, freed: recent.freedBlocks, duration: recent.duration)
    if recent.isQuiet {
      let isEmpty = site.counters.liveBlocks == 0 && site.counters.liveBytes == 0
      return isEmpty
        ? Trend(.mixed, recent.growth, .empty(duration: recent.duration))
        : Trend(
          .idle, recent.growth,
          .held(blocks: site.counters.liveBlocks, duration: recent.duration))
    }
    if flow.allocated > 0, flow.freed > 0, recent.blocks.includesZero, recent.bytes.includesZero {
      return Trend(.steady, recent.growth, .balanced(flow))
    }
    return recent.growth.high < 0
      ? Trend(.mixed, recent.growth, .shrank(rate: recent.growth.bytesPerSecond, flow: flow))
      : Trend(.mixed, recent.growth, .unclear(flow))
  }

  // MARK: Growing

  private func growing(
    _ path: SitePath, _ window: SitePath.Window, _ flow: NetFlow, _ site: SiteSnapshot
  ) -> Trend? {
    guard flow.bytes.value > 0 else { return nil }
    let byBlocks = grows(path, window, flow, by: .blocks, site.lifetimes)
    guard byBlocks || grows(path, window, flow, by: .bytes, site.lifetimes) else { return nil }
    let growth = Finding.Growth(
      rate: flow.growth.bytesPerSecond,
      flow: Finding.Flow(
        allocated: flow.allocatedBlocks, freed: flow.freedBlocks, duration: flow.duration),
      isBySize: !byBlocks && flow.blocks.includesZero,
      oldest: site.oldest, lifetimes: site.lifetimes)
    return Trend(.growing, flow.growth, .grew(growth))
  }

  /// Growth is beyond chance, outweighs every fall, comes in many steps, lasts, and goes on.
  ///
  /// Chance alone is not enough: logs that are flushed every minute, waves of requests and nightly jobs grow beyond
  /// chance, too, for a while. They fall again; so what was gained must be a multiple of the deepest fall seen, and the
  /// level must still make new heights.
  private func grows(
    _ path: SitePath, _ window: SitePath.Window, _ flow: NetFlow, by measure: SitePath.Measure,
    _ lifetimes: Lifetimes?
  ) -> Bool {
    let net = flow.net(measure)
    guard net.value > strictness * net.deviation else { return false }
    let climb = path.climb(window, by: measure)
    guard climb.rises >= (measure == .blocks ? 4 : 8), net.value > fallWeight * climb.fall else {
      return false
    }
    // Longer than steps of the usual size are apart, and than it takes to make up for a fall.
    let step = net.deviation * net.deviation / net.value
    let patience = min(
      window.duration / 8, 5 * window.duration * (climb.fall + step) / net.value)
    guard climb.sinceHighest <= max(patience, 5 * window.duration / max(1, climb.polls)) else {
      return false
    }
    let isPure = Double(flow.freedBlocks) <= 0.05 * Double(flow.allocatedBlocks)
    if isPure { return path.isSpread(net, over: window, by: measure, leastAtLast: 0.5) }
    // Even a program that is in balance grows at first: nothing that was allocated before observation began is seen
    // to be freed. Such growth slackens, a leak's or a backlog's doesn't. So the second half has to be beyond
    // chance, too, and its end hardly less when blocks live about as long as the window is.
    let late = path.flow(path.halves(of: window).1).net(measure)
    let isSoonFreed = lifetimes.map { flow.duration >= 4 * $0.percentile90 } ?? false
    guard late.value > (isSoonFreed ? 0.6 : 1) * strictness * late.deviation else { return false }
    let isLong = lifetimes.map { flow.duration >= 2 * $0.percentile90 } ?? false
    return path.isSpread(net, over: window, by: measure, leastAtLast: isLong ? 0.5 : 0.85)
  }

  /// Few blocks that never lose a byte and keep gaining some, as a buffer does that realloc grows.
  ///
  /// The number of blocks can't show it. Five sizes may rise by chance, but hardly by much the same factor. Buffers that double grow ever more rarely, so the warm-up
  /// counts here, and the next step may take twice as long as the one before.
  private func enlarged(_ path: SitePath, _ site: SiteSnapshot) -> Trend? {
    let blockCount = site.counters.liveBlocks
    guard (1...8).contains(blockCount), let first = path.samples.first,
      let last = path.samples.last, case let all = path.all,
      last.counters.netBlocks(since: first.counters).magnitude <= 1, all.duration > 0,
      case let climb = path.climb(all, by: .bytes), climb.fall == 0, climb.rises >= 5,
      climb.rises >= 9
        || (climb.ratios.least > 1.2 && climb.ratios.most < 2.6),
      climb.sinceHighest
        <= max(2.5 * climb.lastStep, 5 * all.duration / max(1, climb.polls))
    else { return nil }
    let middle = path.index(nearest: (first.elapsed + last.elapsed) / 2)
    let rates = [(0, middle), (middle, path.samples.count - 1)].map { start, end in
      path.samples[end].counters.netBytes(since: path.samples[start].counters)
        / max(1e-9, path.samples[end].elapsed - path.samples[start].elapsed)
    }
    guard rates[0] > 0, rates[1] > 0 else { return nil }
    let rate = last.counters.netBytes(since: first.counters) / all.duration
    return Trend(
      .growing,
      GrowthRate(
        bytesPerSecond: rate, low: min(rates[0], rates[1]), high: max(rates[0], rates[1])),
      .enlarged(
        rate: rate, duration: all.duration, blocks: blockCount, bytes: site.counters.liveBytes))
  }

  // MARK: Settling

  /// It grew beyond chance in the first half, and the second half shows no growth.
  private func settling(_ path: SitePath) -> Trend? {
    let halves = path.halves(of: path.recent)
    let (earlier, recent) = (path.flow(halves.0), path.flow(halves.1))
    let byBlocks =
      earlier.blocks.value > strictness * earlier.blocks.deviation && earlier.bytes.value > 0
    guard byBlocks || earlier.bytes.value > strictness * earlier.bytes.deviation else {
      return nil
    }
    let (before, after) = byBlocks ? (earlier.blocks, recent.blocks) : (earlier.bytes, recent.bytes)
    guard earlier.duration > 0, recent.duration > 0, after.includesZero else { return nil }
    let decline = before.value / earlier.duration - after.value / recent.duration
    let marginBefore = before.margin / earlier.duration
    let marginAfter = after.margin / recent.duration
    guard decline > (marginBefore * marginBefore + marginAfter * marginAfter).squareRoot() else {
      return nil
    }
    return Trend(
      .settling, recent.growth,
      .levelled(
        bytes: earlier.bytes.value,
        flow: Finding.Flow(
          allocated: recent.allocatedBlocks, freed: recent.freedBlocks, duration: recent.duration)))
  }
}
