/// The counters of one site as read at one poll.
struct FlowSample: Hashable, Sendable {
  /// Seconds since observation began.
  var elapsed: Double
  var counters: AllocationCounters
  /// How many polls the interval from the sample before stands for, ≥ 1; more than one only where
  /// nothing happened in between.
  var pollCount = 1
}

/// What one site did over the rolling horizon, in a bounded number of samples.
///
/// Polls that saw no change extend the last sample, so a site that does nothing costs two samples.
/// When there are too many, the ones closest together are merged, oldest first: recent past stays
/// fine, older past gets coarse.
struct SiteHistory: Sendable {
  private(set) var samples: [FlowSample] = []
  /// Polls in which the site was read since it was first seen.
  private(set) var readingCount = 0
  /// Seconds since observation began when the site was first read.
  private(set) var firstElapsed = 0.0

  /// Seconds in which nothing happened, where nothing happened over the whole horizon; else nil.
  var quietDuration: Double? {
    guard let first = samples.first, let last = samples.last, samples.count > 1,
      first.counters == last.counters
    else { return nil }
    return last.elapsed - first.elapsed
  }

  /// Appends one reading; `elapsed` is not less than in the call before.
  mutating func append(
    _ counters: AllocationCounters,
    at elapsed: Double,
    horizon: Double,
    sampleLimit: Int
  ) {
    guard let last = samples.last, !counters.isBehind(last.counters) else {
      samples = [FlowSample(elapsed: elapsed, counters: counters)]
      firstElapsed = elapsed
      readingCount = 1
      return
    }
    guard elapsed > last.elapsed else {
      samples[samples.count - 1].counters = counters
      return
    }
    readingCount += 1
    let wasQuiet = samples.count > 1 && samples[samples.count - 2].counters == last.counters
    if wasQuiet, counters == last.counters {
      samples[samples.count - 1].elapsed = elapsed
      samples[samples.count - 1].pollCount += 1
    } else {
      samples.append(FlowSample(elapsed: elapsed, counters: counters))
    }
    forget(before: elapsed - horizon)
    if samples.count > sampleLimit { thin() }
  }

  /// The samples after the warm-up: the first reading at least, and a fifth of the time since the
  /// site was first seen up to `limit` seconds; never so much that fewer than `minimumSamples`
  /// polls are left.
  func settled(warmUpLimit limit: Double, minimumSamples: Int) -> ArraySlice<FlowSample> {
    guard let last = samples.last else { return [] }
    let warmUp = min(limit, (last.elapsed - firstElapsed) / 5)
    var start = samples.firstIndex { $0.elapsed >= firstElapsed + warmUp } ?? 0
    var pollCount = 1 + samples[start...].dropFirst().reduce(0) { $0 + $1.pollCount }
    while start > 0, pollCount < minimumSamples {
      pollCount += samples[start].pollCount
      start -= 1
    }
    return samples[start...]
  }

  /// Keeps one sample at or before `start`, as the baseline of the horizon.
  private mutating func forget(before start: Double) {
    while samples.count > 2, samples[1].elapsed <= start { samples.removeFirst() }
    let isQuiet = samples.count > 1 && samples[0].counters == samples[1].counters
    guard isQuiet, samples[0].elapsed < start, samples[1].elapsed > start else { return }
    // Nothing happened in the first interval, so its baseline may move up to the horizon.
    let length = samples[1].elapsed - samples[0].elapsed
    let kept = Double(samples[1].pollCount) * (samples[1].elapsed - start) / length
    samples[0].elapsed = start
    samples[1].pollCount = max(1, Int(kept.rounded()))
  }

  private mutating func thin() {
    guard samples.count > 2 else { return }
    var merged = 1
    var shortest = Double.infinity
    for index in 1..<(samples.count - 1) {
      let length = samples[index + 1].elapsed - samples[index - 1].elapsed
      if length < shortest {
        shortest = length
        merged = index
      }
    }
    samples[merged + 1].pollCount = 1
    samples.remove(at: merged)
  }
}

extension AllocationCounters {
  /// One of the counters is less than in `other`, which a counter that only grows can't be.
  fileprivate func isBehind(_ other: Self) -> Bool {
    allocatedBytes < other.allocatedBytes || allocatedBlocks < other.allocatedBlocks
      || freedBytes < other.freedBytes || freedBlocks < other.freedBlocks
  }
}
