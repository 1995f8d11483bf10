internal import Glibc

/// The net flow of one site in one chunk size, or in all, in weighted blocks.
struct SampledFlow {
  let site: UInt32
  /// Allocations as recorded.
  var sampled: Double
  /// What one recorded block counts for.
  var weight = 1.0
  var bytesPerBlock = 0.0
  /// Net blocks of each batch.
  private(set) var course: [Double]
  /// Variance of each batch if blocks come and go independently.
  private var poisson: [Double]
  /// Because it is uncertain which blocks were the site's.
  var attributionVariance = 0.0
  /// Blocks that may belong to other sites.
  private(set) var contested = 0.0
  private(set) var net = 0.0
  private(set) var deviation = 0.0
  private var lateNet = 0.0
  private var lateDeviation = 0.0
  /// Bytes, where sizes differ.
  private var netBytes = 0.0
  private var byteVariance = 0.0
  private var contestedBytes = 0.0

  init(site: UInt32, sampled: Double, batchCount: Int) {
    self.site = site
    self.sampled = sampled
    course = Array(repeating: 0, count: batchCount)
    poisson = course
  }

  mutating func add(_ blocks: Double, squares: Double, batch: Int) {
    course[batch] += blocks
    poisson[batch] += squares
  }

  /// Computes net flow and its deviation, once all is added.
  ///
  /// - Parameter lengths: windows in each batch.
  mutating func settle(lengths: [Double]) {
    net = course.reduce(0, +)
    deviation = Self.variance(course[...], poisson[...], lengths[...], attributionVariance)
      .squareRoot()
    let half = course.count / 2
    let late = poisson[half...].reduce(0, +) / max(.leastNormalMagnitude, poisson.reduce(0, +))
    lateNet = course[half...].reduce(0, +)
    lateDeviation = Self.variance(
      course[half...], poisson[half...], lengths[half...], attributionVariance * late * late
    ).squareRoot()
    netBytes = net * bytesPerBlock
    byteVariance = deviation * deviation * bytesPerBlock * bytesPerBlock
  }

  /// Blocks lost beyond chance.
  var unexplainedLoss: Double { max(0, -net - Quantile.normal95 * deviation) }

  /// So many of the net blocks may belong to other sites.
  mutating func contest(_ blocks: Double) {
    contested = blocks
    contestedBytes = blocks * bytesPerBlock
  }

  /// The same site in two sizes.
  func combined(with other: Self) -> Self {
    var sum = self
    sum.weight = (weight * sampled + other.weight * other.sampled) / max(1, sampled + other.sampled)
    sum.sampled += other.sampled
    for index in course.indices { sum.course[index] += other.course[index] }
    sum.net += other.net
    sum.deviation = (deviation * deviation + other.deviation * other.deviation).squareRoot()
    sum.lateNet += other.lateNet
    sum.lateDeviation =
      (lateDeviation * lateDeviation + other.lateDeviation * other.lateDeviation).squareRoot()
    sum.netBytes += other.netBytes
    sum.byteVariance += other.byteVariance
    sum.bytesPerBlock = max(bytesPerBlock, other.bytesPerBlock)
    sum.contestedBytes += other.contestedBytes
    sum.contested += other.contested
    return sum
  }

  /// What independent blocks would vary by, or what batches do vary by if that is more.
  private static func variance(
    _ course: ArraySlice<Double>, _ poisson: ArraySlice<Double>, _ lengths: ArraySlice<Double>,
    _ attribution: Double
  ) -> Double {
    let independent = poisson.reduce(0, +)
    let windows = lengths.reduce(0, +)
    guard course.count > 2 else { return independent + attribution }
    let mean = course.reduce(0, +) / windows
    var squares = 0.0
    for (net, length) in zip(course, lengths) {
      squares += (net - mean * length) * (net - mean * length) / length
    }
    // Few batches say little about variation.
    let student = Quantile.student95(intervals: course.count) / Quantile.normal95
    let observed = squares / Double(course.count - 1) * windows * student * student
    return max(independent, observed) + attribution
  }

  /// In real time.
  func scaled(by scale: RealTimeScale, elapsed: Double) -> SiteFlow {
    var flow = SiteFlow(site: site, sampledBlocks: UInt64(max(0, sampled)))
    let margin = Quantile.normal95 * deviation
    // Nothing seen is not nothing there: three blocks may have been missed.
    let upper = Quantile.normal95 * (deviation * deviation + 2 * weight * weight).squareRoot()
    flow.netBlocks = scale.bounds(net, low: net - margin - contested, high: net + upper)
    let byteMargin = Quantile.normal95 * byteVariance.squareRoot()
    let upperBytes =
      Quantile.normal95
      * (byteVariance + 2 * weight * weight * bytesPerBlock * bytesPerBlock).squareRoot()
    flow.netBytes = scale.bounds(
      netBytes, low: netBytes - byteMargin - contestedBytes, high: netBytes + upperBytes)
    flow.growth = GrowthRate(
      bytesPerSecond: flow.netBytes.value / elapsed, low: flow.netBytes.low / elapsed,
      high: flow.netBytes.high / elapsed)
    flow.batchCount = course.count
    flow.risingBatches = course.count { $0 > 0 }
    flow.significance = deviation > 0 ? (net - contested) / deviation : 0
    flow.lateSignificance = lateDeviation > 0 ? (lateNet - contested) / lateDeviation : 0
    flow.fallShare = net > 0 ? Self.deepestFall(course) / net : 0
    return flow
  }

  private static func deepestFall(_ course: [Double]) -> Double {
    var (level, height, fall) = (0.0, 0.0, 0.0)
    for step in course {
      level += step
      height = max(height, level)
      fall = max(fall, height - level)
    }
    return fall
  }
}
