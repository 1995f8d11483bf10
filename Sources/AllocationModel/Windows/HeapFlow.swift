internal import Glibc

/// What came to the heap of a process and went from it, of all sites together, in requested bytes.
///
/// No free has to be attributed to a site for it where its chunk says how large the block was. How much of a chunk was
/// requested is taken from what was allocated in the same size. Of allocators that don't tell sizes, a free counts as
/// much as the blocks of the sites that it is attributed to; and a block that is given another size was smaller by as much
/// as those are made larger in the same place whose size before was seen.
///
/// Most frees make room for the next allocation, so that blocks don't come and go independently of each other: how much
/// windows differ says more about chance than how many blocks they saw.
struct HeapFlow {
  /// As recorded and weighted, not yet scaled to real time.
  private(set) var net = 0.0
  private(set) var deviation = 0.0
  /// Bytes that one more block brings: so much of a size may have been missed.
  private let step: Double

  /// With fewer batches their differences say little.
  private static let batchesNeeded = 8

  init(batches: [WindowBatch], total: WindowBatch, attribution: FlowAttribution) {
    let sizes = RequestedSizes(total)
    var course = batches.map { _ in 0.0 }
    var (bytes, squares) = (0.0, 0.0)
    func doubt(_ count: WeightedCount, _ size: Double) {
      bytes += count.squares.magnitude * size
      squares += count.squares.magnitude * size * size
    }
    for (index, batch) in batches.enumerated() {
      course[index] += batch.survivingBytes
      for (key, count) in batch.survivors { doubt(count, sizes.mean(of: key)) }
      for (call, count) in batch.unknown {
        let size =
          call.sizeClass > 0
          ? sizes.mean(ofClass: call.sizeClass)
          : sizes.mean(of: attribution.sharesByCall[call] ?? [])
        doubt(count, size)
        let resized = call.sizeClass > 0 ? nil : batch.resizes[call.place]
        course[index] -= max(0, count.weighted - (resized?.count ?? 0)) * size
        if let resized {
          course[index] -= resized.bytes - resized.count * sizes.growth(at: call.place)
        }
      }
    }
    step = bytes > 0 ? squares / bytes : 0
    net = course.reduce(0, +)
    let observed =
      course.count > 1
      ? SampledFlow.observedVariance(of: course, batches.map(\.length)) : 0
    let variance = course.count < Self.batchesNeeded ? max(squares, observed) : observed
    deviation = variance.squareRoot()
  }

  /// In real time.
  func scaled(by scale: RealTimeScale) -> SiteFlow.Bounds {
    let margin = Quantile.normal95 * (deviation * deviation + 2 * step * step).squareRoot()
    return scale.bounds(net, low: net - margin, high: net + margin)
  }
}

/// How many bytes were requested for a block, on average.
private struct RequestedSizes {
  private var byPlace: [SizedPlace: Double] = [:]
  private var byClass: [UInt64: Double] = [:]
  /// By how much blocks are made larger, by the call.
  private var growths: [UInt32: Double] = [:]

  /// Bytes of a chunk that glibc keeps for itself (`struct malloc_chunk`: `mchunk_size`).
  private static let header = 8.0

  init(_ total: WindowBatch) {
    var amounts: [UInt64: (blocks: Double, bytes: Double)] = [:]
    for (key, allocated) in total.allocated where allocated.sampled > 0 {
      let bytes = total.bytes[key] ?? 0
      byPlace[key] = bytes / allocated.sampled
      let amount = amounts[key.sizeClass] ?? (0, 0)
      amounts[key.sizeClass] = (amount.blocks + allocated.sampled, amount.bytes + bytes)
    }
    byClass = amounts.mapValues { $0.bytes / $0.blocks }
    growths = total.resizes.compactMapValues { $0.known > 0 ? $0.growth / $0.known : nil }
  }

  /// Nothing where no block's size before was ever seen.
  func growth(at call: UInt32) -> Double { growths[call] ?? 0 }

  func mean(of key: SizedPlace) -> Double { byPlace[key] ?? mean(ofClass: key.sizeClass) }

  func mean(ofClass size: UInt64) -> Double {
    byClass[size] ?? max(0, Double(size) - Self.header)
  }

  /// Of blocks without a size, by the sites that they may come from.
  func mean(of shares: [FlowAttribution.Share]) -> Double {
    var (sum, rest) = (0.0, 1.0)
    for share in shares {
      sum += share.share * mean(of: SizedPlace(place: share.site, sizeClass: 0))
      rest -= share.share
    }
    return sum + max(0, rest) * mean(ofClass: 0)
  }
}
