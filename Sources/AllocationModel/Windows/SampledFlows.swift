internal import Glibc

/// The net flow of each site in blocks as recorded and weighted, not yet scaled to real time.
struct SampledFlows {
  private(set) var sites: [SampledFlow] = []
  /// Bytes of chunks by which the heap grew, as recorded and weighted, with their deviation.
  private(set) var heapGrowth = (value: 0.0, deviation: 0.0)

  init(batches: [WindowBatch], total: WindowBatch, attribution: FlowAttribution) {
    var flows: [SizedPlace: SampledFlow] = [:]
    for (key, allocated) in total.allocated {
      let bytesPerBlock = (total.bytes[key] ?? 0) / max(1, allocated.sampled)
      var flow = SampledFlow(
        site: key.place, sampled: allocated.sampled, batchCount: batches.count)
      flow.weight = allocated.weighted > 0 ? allocated.squares / allocated.weighted : 1
      flow.bytesPerBlock = bytesPerBlock
      flow.allocated = allocated.weighted
      flow.allocatedBytes = allocated.weighted * bytesPerBlock
      flows[key] = flow
    }
    for (index, batch) in batches.enumerated() {
      for (key, count) in batch.survivors {
        flows[key]?.add(count.weighted, squares: count.squares, batch: index)
      }
      for (call, count) in batch.unknown {
        for share in attribution.sharesByCall[call] ?? [] {
          let key = SizedPlace(place: share.site, sizeClass: call.sizeClass)
          // Which of the blocks belong to the site is chance, too; hence the share of the squares, not its square.
          flows[key]?.add(
            -count.weighted * share.share, squares: count.squares * share.share, batch: index)
        }
      }
    }
    for (call, count) in total.unknown {
      for share in attribution.sharesByCall[call] ?? [] {
        let deviation = count.weighted * share.deviation
        flows[SizedPlace(place: share.site, sizeClass: call.sizeClass)]?.attributionVariance +=
          deviation * deviation
      }
    }
    let lengths = batches.map(\.length)
    for key in flows.keys { flows[key]?.settle(lengths: lengths) }
    Self.contest(&flows)
    heapGrowth = Self.heapGrowth(flows, total)
    sites = Self.bySite(flows)
  }

  /// A site that lost more than chance allows has probably been given frees of another of its size; until that is
  /// settled, no other site of the size can be said to have gained as much.
  private static func contest(_ flows: inout [SizedPlace: SampledFlow]) {
    var losses: [UInt64: Double] = [:]
    for (key, flow) in flows { losses[key.sizeClass, default: 0] += flow.unexplainedLoss }
    for key in flows.keys {
      guard let loss = losses[key.sizeClass], loss > 0, let own = flows[key]?.unexplainedLoss
      else { continue }
      flows[key]?.contest(loss - own)
    }
  }

  private static func bySite(_ flows: [SizedPlace: SampledFlow]) -> [SampledFlow] {
    var sites: [UInt32: SampledFlow] = [:]
    for (key, flow) in flows.sorted(by: { $0.key.sizeClass < $1.key.sizeClass }) {
      guard let site = sites[key.place] else {
        sites[key.place] = flow
        continue
      }
      sites[key.place] = site.combined(with: flow)
    }
    return Array(sites.values)
  }

  /// Bytes of chunks by which sites grew that did so beyond doubt, with their deviation; of all where none did.
  ///
  /// What is in balance only adds its noise.
  private static func heapGrowth(
    _ flows: [SizedPlace: SampledFlow], _ total: WindowBatch
  ) -> (value: Double, deviation: Double) {
    var (value, variance) = (0.0, 0.0)
    for (key, flow) in flows where flow.net - flow.contested > 3 * flow.deviation {
      let size = Double(key.sizeClass)
      value += flow.net * size
      variance += flow.deviation * flow.deviation * size * size
    }
    return value > 0 ? (value, variance.squareRoot()) : heapGrowth(total)
  }

  /// Bytes of chunks that came and went, with the deviation of their difference.
  private static func heapGrowth(_ total: WindowBatch) -> (value: Double, deviation: Double) {
    var (value, variance) = (0.0, 0.0)
    for (key, count) in total.survivors {
      let size = Double(key.sizeClass)
      value += count.weighted * size
      variance += count.squares * size * size
    }
    for (key, count) in total.unknown {
      let size = Double(key.sizeClass)
      value -= count.weighted * size
      variance += count.squares * size * size
    }
    return (value, variance.squareRoot())
  }
}
