/// A level, such as resident memory, as it was read over the rolling horizon, in a bounded number of samples.
struct LevelHistory: Sendable {
  private struct Sample {
    /// Seconds since observation began.
    var elapsed: Double
    var level: Double
  }

  private static let sampleLimit = 32
  private var samples: [Sample] = []

  /// Appends one reading; `elapsed` is not less than in the call before.
  mutating func append(_ level: UInt64, at elapsed: Double, horizon: Double) {
    if let last = samples.last, last.elapsed >= elapsed { samples.removeLast() }
    samples.append(Sample(elapsed: elapsed, level: Double(level)))
    while samples.count > 2, samples[1].elapsed <= elapsed - horizon { samples.removeFirst() }
    guard samples.count > Self.sampleLimit else { return }
    // The two intervals that are shortest together become one, the older ones first.
    let merged = (1..<samples.count - 1).min { length(around: $0) < length(around: $1) }
    if let merged { samples.remove(at: merged) }
  }

  private func length(around index: Int) -> Double {
    samples[index + 1].elapsed - samples[index - 1].elapsed
  }

  /// Bytes per second from the first sample to the last, with the 95 % interval that the unevenness of the steps
  /// between them gives.
  var growth: GrowthRate {
    guard let first = samples.first, let last = samples.last, last.elapsed > first.elapsed else {
      return GrowthRate()
    }
    let duration = last.elapsed - first.elapsed
    let rate = (last.level - first.level) / duration
    guard samples.count > 2 else { return GrowthRate(bytesPerSecond: rate, low: rate, high: rate) }
    var deviations = 0.0
    for (earlier, later) in zip(samples, samples.dropFirst()) {
      let length = later.elapsed - earlier.elapsed
      let deviation = later.level - earlier.level - rate * length
      deviations += deviation * deviation / length
    }
    let steps = samples.count - 1
    let margin =
      Quantile.student95(intervals: steps)
      * (deviations / Double(max(1, steps - 1)) / duration).squareRoot()
    return GrowthRate(bytesPerSecond: rate, low: rate - margin, high: rate + margin)
  }
}
