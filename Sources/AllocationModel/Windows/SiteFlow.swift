/// What flowed into and out of one site, as windows show it: scaled to real time, over the horizon.
package struct SiteFlow: Hashable, Sendable {
  /// A figure with its 95 % interval.
  package struct Bounds: Hashable, Sendable {
    package var value: Double
    package var low: Double
    package var high: Double

    package init(value: Double = 0, low: Double = 0, high: Double = 0) {
      self.value = value
      self.low = low
      self.high = high
    }
  }

  package var site: UInt32
  /// How many allocations were recorded: what the figures rest on.
  package var sampledBlocks: UInt64
  /// Blocks and requested bytes that were allocated.
  package var allocatedBlocks = 0.0
  package var allocatedBytes = 0.0
  /// Allocated less freed.
  package var netBlocks = Bounds()
  /// The same in requested bytes.
  package var netBytes = Bounds()
  package var growth = GrowthRate()
  /// Windows' batches with more blocks coming than going, of all.
  package var risingBatches = 0
  package var batchCount = 0
  /// How many standard deviations the net flow is above zero, less what other sites of its sizes lost without reason.
  package var significance = 0.0
  /// The same for the later half of the horizon.
  package var lateSignificance = 0.0
  /// The same for the earlier half, and the net bytes of that half.
  package var earlySignificance = 0.0
  package var earlyNetBytes = 0.0
  /// By how many standard deviations the later half grew less than the earlier.
  package var decline = 0.0
  /// The deepest fall of live blocks as a share of what was gained; 0 where nothing was gained.
  package var fallShare = 0.0

  package init(site: UInt32, sampledBlocks: UInt64) {
    self.site = site
    self.sampledBlocks = sampledBlocks
  }

  /// A net flow below this share of what came is not told from blocks on their way at the edges of windows, whose frees
  /// may be taken for those of others.
  private static let leastShare = 0.005

  /// Beyond chance, in many batches, more than it ever fell by, and still going on.
  ///
  /// - Parameter strictness: standard deviations, from `Quantile.strictness` of all sites judged together.
  package func isGrowing(strictness: Double) -> Bool {
    batchCount >= 5 && risingBatches >= 5 && netBlocks.low > 0 && significance > strictness
      && netBlocks.value > Self.leastShare * allocatedBlocks
      && fallShare * 0.65 * strictness < 1 && lateSignificance > 0.5 * strictness
  }

  /// It grew beyond chance in the earlier half, and the later half shows no growth.
  package func isSettling(strictness: Double) -> Bool {
    earlySignificance > strictness && earlyNetBytes > 0
      && abs(lateSignificance) < Quantile.normal95 && decline > Quantile.normal95
  }
}

/// What the windows of one process say about its sites.
package struct FlowEstimate: Hashable, Sendable {
  /// Seconds of real time that the figures stand for.
  package var elapsed: Double
  /// Seconds that were recorded.
  package var recorded: Double
  package var windowCount: Int
  /// The lower bound of growth first.
  package var sites: [SiteFlow]
  /// Recorded frees that were attributed by chunk size alone.
  package var attributedBySize: Double
  /// Recorded frees that were attributed to no site.
  package var unattributedFrees: Double

  /// The sites that grow, all of them being judged together.
  package var growing: [SiteFlow] {
    let strictness = Quantile.strictness(testing: sites.count)
    return sites.filter { $0.isGrowing(strictness: strictness) }
  }
}
