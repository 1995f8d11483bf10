internal import Glibc

/// The net flow of one site in one chunk size, or in all, in weighted blocks.
struct SampledFlow {
  /// What a half of the horizon brought.
  private struct Half {
    var net = 0.0
    var deviation = 0.0
    var bytes = 0.0
    var length = 0.0

    static func + (lhs: Self, rhs: Self) -> Self {
      Self(
        net: lhs.net + rhs.net, deviation: hypot(lhs.deviation, rhs.deviation),
        bytes: lhs.bytes + rhs.bytes, length: lhs.length)
    }
  }

  let site: UInt32
  /// Allocations as recorded.
  var sampled: Double
  /// The same with weights, and in bytes.
  var allocated = 0.0
  var allocatedBytes = 0.0
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
  private var early = Half()
  private var late = Half()
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
  /// - Parameter lengths: seconds recorded in each batch.
  mutating func settle(lengths: [Double]) {
    net = course.reduce(0, +)
    deviation = Self.variance(course[...], poisson[...], lengths[...], attributionVariance)
      .squareRoot()
    netBytes = net * bytesPerBlock
    byteVariance = deviation * deviation * bytesPerBlock * bytesPerBlock
    let middle = course.count / 2
    early = half(0..<middle, lengths)
    late = half(middle..<course.count, lengths)
  }

  private func half(_ batches: Range<Int>, _ lengths: [Double]) -> Half {
    let poisson = self.poisson[batches]
    let share =
      poisson.reduce(0, +) / max(.leastNormalMagnitude, self.poisson.reduce(0, +))
    var half = Half(net: course[batches].reduce(0, +), length: lengths[batches].reduce(0, +))
    half.bytes = half.net * bytesPerBlock
    half.deviation = Self.variance(
      course[batches], poisson, lengths[batches], attributionVariance * share * share
    ).squareRoot()
    return half
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
    sum.allocated += other.allocated
    sum.allocatedBytes += other.allocatedBytes
    for index in course.indices { sum.course[index] += other.course[index] }
    sum.net += other.net
    sum.deviation = hypot(deviation, other.deviation)
    sum.early = early + other.early
    sum.late = late + other.late
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
    guard course.count > 2 else { return independent + attribution }
    return max(independent, observedVariance(of: course, lengths)) + attribution
  }

  /// The variance of a sum over batches, by how much they differ.
  ///
  /// - Parameters:
  ///   - course: what each of at least two batches brought.
  ///   - lengths: seconds recorded in each.
  static func observedVariance(
    of course: some Collection<Double>, _ lengths: some Collection<Double>
  ) -> Double {
    let whole = lengths.reduce(0, +)
    let mean = course.reduce(0, +) / whole
    var squares = 0.0
    for (net, length) in zip(course, lengths) {
      squares += (net - mean * length) * (net - mean * length) / length
    }
    // Few batches say little about variation.
    let student = Quantile.student95(intervals: course.count) / Quantile.normal95
    return squares / Double(course.count - 1) * whole * student * student
  }

  /// In real time.
  func scaled(by scale: RealTimeScale, elapsed: Double) -> SiteFlow {
    var flow = SiteFlow(site: site, sampledBlocks: UInt64(max(0, sampled)))
    flow.allocatedBlocks = allocated * scale.value
    flow.allocatedBytes = allocatedBytes * scale.value
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
    flow.lateSignificance = late.deviation > 0 ? (late.net - contested) / late.deviation : 0
    flow.earlySignificance = early.deviation > 0 ? (early.net - contested) / early.deviation : 0
    flow.earlyNetBytes = early.bytes * scale.value
    flow.decline = decline
    flow.fallShare = net > 0 ? Self.deepestFall(course) / net : 0
    return flow
  }

  /// By how many standard deviations less came in the time recorded of the later half than in that of the earlier.
  private var decline: Double {
    guard early.length > 0, late.length > 0 else { return 0 }
    let deviation = hypot(early.deviation / early.length, late.deviation / late.length)
    return deviation > 0 ? (early.net / early.length - late.net / late.length) / deviation : 0
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
