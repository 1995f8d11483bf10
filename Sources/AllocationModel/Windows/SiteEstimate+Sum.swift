internal import Glibc

extension SiteEstimate {
  /// The estimate of two stacks of one site.
  static func + (lhs: Self, rhs: Self) -> Self {
    Self(
      flow: lhs.flow + rhs.flow, elapsed: max(lhs.elapsed, rhs.elapsed),
      windowCount: max(lhs.windowCount, rhs.windowCount))
  }
}

extension SiteFlow {
  /// The sum of two flows that don't depend on each other.
  fileprivate static func + (lhs: Self, rhs: Self) -> Self {
    var sum = SiteFlow(site: lhs.site, sampledBlocks: lhs.sampledBlocks &+ rhs.sampledBlocks)
    sum.allocatedBlocks = lhs.allocatedBlocks + rhs.allocatedBlocks
    sum.allocatedBytes = lhs.allocatedBytes + rhs.allocatedBytes
    sum.netBlocks = lhs.netBlocks + rhs.netBlocks
    sum.netBytes = lhs.netBytes + rhs.netBytes
    sum.growth = lhs.growth + rhs.growth
    sum.risingBatches = max(lhs.risingBatches, rhs.risingBatches)
    sum.batchCount = max(lhs.batchCount, rhs.batchCount)
    func combined(_ significance: KeyPath<SiteFlow, Double>) -> Double {
      let (left, right) = (lhs.netBlocks.deviation, rhs.netBlocks.deviation)
      let deviation = hypot(left, right)
      guard deviation > 0 else { return 0 }
      return (lhs[keyPath: significance] * left + rhs[keyPath: significance] * right) / deviation
    }
    sum.significance = combined(\.significance)
    sum.earlySignificance = combined(\.earlySignificance)
    sum.lateSignificance = combined(\.lateSignificance)
    sum.decline = combined(\.decline)
    sum.earlyNetBytes = lhs.earlyNetBytes + rhs.earlyNetBytes
    sum.fallShare =
      sum.netBlocks.value > 0 ? (lhs.deepestFall + rhs.deepestFall) / sum.netBlocks.value : 0
    return sum
  }

  /// Blocks; as much as it lost where it lost more than it gained.
  private var deepestFall: Double {
    netBlocks.value > 0 ? fallShare * netBlocks.value : -netBlocks.value
  }
}

extension SiteFlow.Bounds {
  fileprivate var deviation: Double { max(0, value - low) / Quantile.normal95 }

  fileprivate static func + (lhs: Self, rhs: Self) -> Self {
    let value = lhs.value + rhs.value
    return Self(
      value: value, low: value - hypot(lhs.value - lhs.low, rhs.value - rhs.low),
      high: value + hypot(lhs.high - lhs.value, rhs.high - rhs.value))
  }
}

extension GrowthRate {
  /// Intervals add up as those of independent figures do.
  static func + (lhs: Self, rhs: Self) -> Self {
    let rate = lhs.bytesPerSecond + rhs.bytesPerSecond
    return Self(
      bytesPerSecond: rate,
      low: rate - hypot(lhs.bytesPerSecond - lhs.low, rhs.bytesPerSecond - rhs.low),
      high: rate + hypot(lhs.high - lhs.bytesPerSecond, rhs.high - rhs.bytesPerSecond))
  }
}
