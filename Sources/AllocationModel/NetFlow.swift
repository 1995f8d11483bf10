internal import Glibc

/// A figure and how far it may be off, in the same unit.
struct Estimate: Hashable, Sendable {
  var value: Double
  /// Standard deviation, ≥ 0.
  var deviation: Double
  /// Half the width of the 95 % interval, ≥ 0.
  var margin: Double

  var low: Double { value - margin }
  var high: Double { value + margin }
  var includesZero: Bool { low <= 0 && high >= 0 }
}

/// What flowed into and out of a site over a part of its history.
///
/// Allocations and frees are taken as two Poisson counts A and F. Their difference varies by A + F at most; where blocks
/// die young compared with the window, only by as much as there were live blocks at both ends. Where the flow varies from poll to poll by more
/// than that (bursts, sizes that differ), the interval is as wide as that variation says. A slope through live bytes
/// would not do: live bytes are a random walk, and a random walk has slopes.
struct NetFlow: Hashable, Sendable {
  /// Seconds, ≥ 0.
  var duration = 0.0
  var allocatedBlocks: UInt64 = 0
  var freedBlocks: UInt64 = 0
  /// Allocated less freed over `duration`.
  var blocks = Estimate(value: 0, deviation: 0, margin: 0)
  var bytes = Estimate(value: 0, deviation: 0, margin: 0)

  /// Neither an allocation nor a free.
  var isQuiet: Bool { allocatedBlocks == 0 && freedBlocks == 0 && bytes.value == 0 }

  init() {}

  /// From the first sample to the last; what lay before the first one's time doesn't count.
  ///
  /// - Parameters:
  ///   - start: where the window begins, if nothing happened between there and the first sample.
  ///   - lifetimes: of the blocks, where they are known.
  init(
    _ samples: UnsafeBufferPointer<FlowSample>.SubSequence, from start: Double? = nil,
    lifetimes: Lifetimes? = nil
  ) {
    guard let first = samples.first, let last = samples.last, samples.count > 1 else { return }
    duration = last.elapsed - (start ?? first.elapsed)
    guard duration > 0 else { return }
    allocatedBlocks = last.counters.allocatedBlocks &- first.counters.allocatedBlocks
    freedBlocks = last.counters.freedBlocks &- first.counters.freedBlocks
    let eventCount = Double(allocatedBlocks) + Double(freedBlocks)
    let netBlocks = last.counters.netBlocks(since: first.counters)
    let netBytes = last.counters.netBytes(since: first.counters)
    let allocatedBytes = Double(last.counters.allocatedBytes &- first.counters.allocatedBytes)
    let meanSize =
      eventCount > 0 ? (2 * allocatedBytes - netBytes) / eventCount : 0

    var (blockSquares, byteSquares, polls) = (0.0, 0.0, 0.0)
    for sample in samples.dropFirst() {
      blockSquares += Double(sample.blocks.squares)
      byteSquares += Double(sample.bytes.squares)
      polls += Double(sample.pollCount)
    }
    let scale = duration / max(1, polls - 1)
    let blockVariance = max(0, blockSquares - netBlocks * netBlocks / duration) * scale
    let byteVariance = max(0, byteSquares - netBytes * netBytes / duration) * scale

    var share = 1.0
    if let lifetimes, duration >= 4 * lifetimes.percentile90, eventCount > 0 {
      // Only blocks that were there at the start and are gone, or came and are there, make a difference.
      let liveCount = Double(first.counters.liveBlocks) + Double(last.counters.liveBlocks)
      share = min(1, liveCount / eventCount)
    }
    let student = Quantile.student95(intervals: Int(min(1e6, polls)))
    blocks = Self.estimate(
      netBlocks, poisson: eventCount * share, observed: blockVariance * share, student)
    bytes = Self.estimate(
      netBytes, poisson: meanSize * meanSize * eventCount * share,
      observed: byteVariance * share, student)
  }

  private static func estimate(
    _ value: Double, poisson: Double, observed: Double, _ student: Double
  ) -> Estimate {
    // Few polls say little about variation.
    let observed = observed.squareRoot() * student / Quantile.normal95
    let deviation = max(poisson.squareRoot(), observed)
    return Estimate(
      value: value, deviation: deviation, margin: Quantile.normal95 * deviation)
  }

  /// Bytes per second with the interval of the blocks test, each net block counted with the bytes
  /// it brought.
  ///
  /// Where the number of blocks says nothing, the bytes' own interval holds.
  var growth: GrowthRate {
    guard duration > 0 else { return GrowthRate() }
    let sizePerNetBlock = blocks.value == 0 ? 0 : bytes.value / blocks.value
    let scale = sizePerNetBlock / duration
    if !blocks.includesZero, sizePerNetBlock > 0 {
      return GrowthRate(
        bytesPerSecond: bytes.value / duration, low: blocks.low * scale,
        high: blocks.high * scale)
    }
    return GrowthRate(
      bytesPerSecond: bytes.value / duration, low: bytes.low / duration,
      high: bytes.high / duration)
  }
}
