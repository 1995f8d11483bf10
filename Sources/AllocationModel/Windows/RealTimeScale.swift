/// What a weighted block in windows stands for in real time.
///
/// Windows cover a share of the time (`duty`). How much less threads do within them is known from their CPU time,
/// roughly where they are slowed much; how much the heap really grew tells more, where it did.
struct RealTimeScale: Hashable, Sendable {
  private(set) var value: Double
  private(set) var low: Double
  private(set) var high: Double

  /// - Parameters:
  ///   - duty: the share of time recorded, > 0 and ≤ 1.
  ///   - paces: of all threads.
  ///   - sampledGrowth: bytes of chunks that came less those that went, weighted.
  ///   - census: bytes by which the heap really grew.
  init(
    duty: Double, paces: [ThreadPace], sampledGrowth: (value: Double, deviation: Double),
    census: ClosedRange<Double>?
  ) {
    var (least, most) = (1.0, 1.0)
    for pace in paces {
      let slowdown = pace.slowdown
      least = min(least, slowdown.low / slowdown.value)
      most = max(most, slowdown.high / slowdown.value)
    }
    value = 1 / duty
    low = least / duty
    high = most / duty
    guard let census, census.lowerBound > 0 else { return }
    let margin = Quantile.normal95 * sampledGrowth.deviation
    guard sampledGrowth.value > margin else { return }
    let narrowedLow = max(low, census.lowerBound / (sampledGrowth.value + margin))
    let narrowedHigh = min(high, census.upperBound / (sampledGrowth.value - margin))
    // Growth that the windows can't explain (mappings, fragmentation) says nothing about their scale.
    guard narrowedLow <= narrowedHigh else { return }
    let middle = (census.lowerBound + census.upperBound) / 2 / sampledGrowth.value
    low = narrowedLow
    high = narrowedHigh
    value = min(high, max(low, middle))
  }

  func bounds(_ value: Double, low: Double, high: Double) -> SiteFlow.Bounds {
    SiteFlow.Bounds(
      value: value * self.value, low: low * (low > 0 ? self.low : self.high),
      high: high * (high > 0 ? self.high : self.low))
  }
}
