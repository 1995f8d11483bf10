/// A figure and how far it may be off, in the same unit.
struct Estimate: Hashable, Sendable {
  var value: Double
  /// Half the width of the 95 % interval, ≥ 0.
  var margin: Double

  var low: Double { value - margin }
  var high: Double { value + margin }
  var includesZero: Bool { low <= 0 && high >= 0 }

  /// Above zero even when the margin is `strictness` (≥ 1) times as wide.
  func isAboveZero(strictness: Double = 1) -> Bool { value - margin * strictness > 0 }
}

/// What flowed into and out of a site between its first and last sample.
///
/// Allocations and frees are taken as two Poisson counts A and F: their difference has the standard
/// deviation √(A+F). A slope through live bytes would not do: live bytes are a random walk, and a
/// random walk has slopes. Where the flow varies from sample to sample by more than a Poisson count
/// does (bursts, sizes that differ), the interval is as wide as that variation says.
struct NetFlow: Hashable, Sendable {
  /// Seconds between the first and the last sample, ≥ 0.
  let duration: Double
  let allocatedBlocks: UInt64
  let freedBlocks: UInt64
  /// Allocated less freed over `duration`.
  let blocks: Estimate
  let bytes: Estimate

  /// Neither an allocation nor a free.
  var isQuiet: Bool { allocatedBlocks == 0 && freedBlocks == 0 && bytes.value == 0 }

  init(_ samples: ArraySlice<FlowSample>) {
    guard let first = samples.first, let last = samples.last else {
      self.init()
      return
    }
    let duration = last.elapsed - first.elapsed
    let allocated = last.counters.allocatedBlocks - first.counters.allocatedBlocks
    let freed = last.counters.freedBlocks - first.counters.freedBlocks
    let eventCount = Double(allocated) + Double(freed)
    let allocatedBytes = Double(last.counters.allocatedBytes - first.counters.allocatedBytes)
    let freedBytes = Double(last.counters.freedBytes - first.counters.freedBytes)
    let meanSize = eventCount > 0 ? (allocatedBytes + freedBytes) / eventCount : 0

    let observed = Self.variation(samples, duration: duration)
    let student = Quantile.student95(intervals: observed.intervals)
    let blockMargin = max(
      Quantile.normal95 * eventCount.squareRoot(),
      student * observed.blocks.squareRoot()
    )
    let byteMargin = max(blockMargin * meanSize, student * observed.bytes.squareRoot())

    self.init(
      duration: duration,
      allocatedBlocks: allocated,
      freedBlocks: freed,
      blocks: Estimate(value: Double(allocated) - Double(freed), margin: blockMargin),
      bytes: Estimate(value: allocatedBytes - freedBytes, margin: byteMargin)
    )
  }

  private init(
    duration: Double = 0,
    allocatedBlocks: UInt64 = 0,
    freedBlocks: UInt64 = 0,
    blocks: Estimate = Estimate(value: 0, margin: 0),
    bytes: Estimate = Estimate(value: 0, margin: 0)
  ) {
    self.duration = duration
    self.allocatedBlocks = allocatedBlocks
    self.freedBlocks = freedBlocks
    self.blocks = blocks
    self.bytes = bytes
  }

  /// Bytes per second with the interval of the blocks test, each net block counted with the bytes
  /// it brought.
  ///
  /// Where the number of blocks says nothing, the bytes' own interval holds.
  var growth: GrowthRate {
    guard duration > 0 else { return GrowthRate() }
    let sizePerNetBlock = blocks.value == 0 ? 0 : bytes.value / blocks.value
    if !blocks.includesZero, sizePerNetBlock > 0 {
      return GrowthRate(
        bytesPerSecond: bytes.value / duration,
        low: blocks.low * sizePerNetBlock / duration,
        high: blocks.high * sizePerNetBlock / duration
      )
    }
    return GrowthRate(
      bytesPerSecond: bytes.value / duration,
      low: bytes.low / duration,
      high: bytes.high / duration
    )
  }

  /// The variance of the whole flow as its intervals show it: squared deviations from the mean
  /// rate, each over the length of its interval, since intervals differ in length.
  private static func variation(
    _ samples: ArraySlice<FlowSample>,
    duration: Double
  ) -> (blocks: Double, bytes: Double, intervals: Int) {
    guard samples.count > 2, duration > 0, let first = samples.first, let last = samples.last
    else { return (0, 0, 1) }
    let total = last.counters.net(since: first.counters)
    let (blockRate, byteRate) = (total.blocks / duration, total.bytes / duration)
    var blockSum = 0.0
    var byteSum = 0.0
    var intervals = 0
    for (earlier, later) in zip(samples, samples.dropFirst()) {
      let length = later.elapsed - earlier.elapsed
      let net = later.counters.net(since: earlier.counters)
      let blockDeviation = net.blocks - blockRate * length
      let byteDeviation = net.bytes - byteRate * length
      blockSum += blockDeviation * blockDeviation / length
      byteSum += byteDeviation * byteDeviation / length
      intervals += later.pollCount
    }
    let scale = duration / Double(max(1, intervals - 1))
    return (blockSum * scale, byteSum * scale, intervals)
  }
}

extension AllocationCounters {
  fileprivate func net(since earlier: Self) -> (blocks: Double, bytes: Double) {
    (
      blocks: Double(allocatedBlocks - earlier.allocatedBlocks)
        - Double(freedBlocks - earlier.freedBlocks),
      bytes: Double(allocatedBytes - earlier.allocatedBytes)
        - Double(freedBytes - earlier.freedBytes)
    )
  }
}
