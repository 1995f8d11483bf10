/// The counters of one site as read at one poll, and what happened since the sample before.
struct FlowSample: Hashable, Sendable {
  /// Seconds since observation began.
  var elapsed: Double
  var counters: AllocationCounters
  /// How many polls the interval from the sample before stands for, ≥ 1.
  var pollCount: UInt32 = 1
  /// Whether anything was allocated or freed in it.
  var isQuiet = false
  var blocks = Course()
  var bytes = Course()

  /// How live blocks or bytes moved within an interval, as far as polls saw it.
  struct Course: Hashable, Sendable {
    /// The sum of squared net flows of polls, each over the seconds that it took.
    var squares: Float = 0
    /// The highest and the lowest level less the level at the interval's end: ≥ 0 and ≤ 0.
    var high: Float = 0
    var low: Float = 0
    /// The deepest fall from one level to a later one, ≥ 0.
    var fall: Float = 0

    /// The course of an interval and of the one that follows it, in which the level rose by `rise`.
    func followed(by later: Course, rise: Float) -> Course {
      Course(
        squares: squares + later.squares,
        high: max(high - rise, later.high),
        low: min(low - rise, later.low),
        fall: max(fall, later.fall, high - rise - later.low))
    }
  }
}

/// What one site did since it was first seen, in a bounded number of samples.
///
/// Polls that saw no change extend the last sample, so a site that does nothing costs two samples. When there are too
/// many, two neighbours become one, those first that are shortest for their age: the past gets coarser the longer
/// it is ago.
struct SiteHistory: Sendable {
  private(set) var samples: [FlowSample] = []
  /// Polls in which the site was read since it was first seen.
  private(set) var readingCount = 0
  /// Seconds since observation began when the site was first read.
  private(set) var firstElapsed = 0.0

  /// Appends one reading; `elapsed` is not less than in the call before.
  ///
  /// - Parameter memory: seconds of the past that are kept.
  mutating func append(
    _ counters: AllocationCounters, at elapsed: Double, memory: Double, sampleLimit: Int
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
    guard counters != last.counters else {
      extendQuiet(to: elapsed, polls: 1, sampleLimit: sampleLimit)
      return
    }
    readingCount += 1
    while samples.count > 2, samples[1].elapsed <= elapsed - memory { samples.removeFirst() }
    // Before it is full, so that the array never needs more room.
    if samples.count >= sampleLimit { thin() }
    samples.append(Self.sample(counters, at: elapsed, after: last))
  }

  /// Nothing happened in the polls up to this time.
  mutating func extendQuiet(to elapsed: Double, polls: Int, sampleLimit: Int) {
    guard let last = samples.last, elapsed > last.elapsed else { return }
    readingCount += polls
    if last.isQuiet {
      samples[samples.count - 1].elapsed = elapsed
      samples[samples.count - 1].pollCount &+= UInt32(clamping: polls)
    } else {
      if samples.count >= sampleLimit { thin() }
      samples.append(
        FlowSample(
          elapsed: elapsed, counters: last.counters, pollCount: UInt32(clamping: polls),
          isQuiet: true))
    }
  }

  /// Seconds for which nothing has happened up to the last sample.
  var quietDuration: Double {
    guard samples.count > 1, let last = samples.last, last.isQuiet else { return 0 }
    return last.elapsed - samples[samples.count - 2].elapsed
  }

  private static func sample(
    _ counters: AllocationCounters, at elapsed: Double, after last: FlowSample
  ) -> FlowSample {
    let length = elapsed - last.elapsed
    func course(_ rise: Double) -> FlowSample.Course {
      FlowSample.Course(
        squares: Float(rise * rise / length), high: Float(max(0, -rise)),
        low: Float(min(0, -rise)), fall: Float(max(0, -rise)))
    }
    var sample = FlowSample(elapsed: elapsed, counters: counters)
    sample.blocks = course(counters.netBlocks(since: last.counters))
    sample.bytes = course(counters.netBytes(since: last.counters))
    return sample
  }

  private mutating func thin() {
    guard samples.count > 3, let end = samples.last?.elapsed else { return }
    var merged = 1
    var least = Double.infinity
    samples.withUnsafeBufferPointer { samples in
      for index in 1..<(samples.count - 1) {
        let start = samples[index - 1].elapsed
        let size = (samples[index + 1].elapsed - start) / (end - start)
        if size < least {
          least = size
          merged = index
        }
      }
    }
    var later = samples[merged + 1]
    let earlier = samples[merged]
    later.pollCount &+= earlier.pollCount
    later.isQuiet = false
    later.blocks = earlier.blocks.followed(
      by: later.blocks, rise: Float(later.counters.netBlocks(since: earlier.counters)))
    later.bytes = earlier.bytes.followed(
      by: later.bytes, rise: Float(later.counters.netBytes(since: earlier.counters)))
    samples[merged + 1] = later
    samples.remove(at: merged)
  }
}

extension AllocationCounters {
  /// One of the counters is less than in `other`, which a counter that only grows can't be.
  fileprivate func isBehind(_ other: Self) -> Bool {
    allocatedBytes < other.allocatedBytes || allocatedBlocks < other.allocatedBlocks
      || freedBytes < other.freedBytes || freedBlocks < other.freedBlocks
  }

  /// Blocks allocated less those freed.
  func netBlocks(since earlier: Self) -> Double {
    Double(allocatedBlocks &- earlier.allocatedBlocks)
      - Double(freedBlocks &- earlier.freedBlocks)
  }

  func netBytes(since earlier: Self) -> Double {
    Double(allocatedBytes &- earlier.allocatedBytes)
      - Double(freedBytes &- earlier.freedBytes)
  }
}
