import AllocationModel

/// A busy program that is observed in windows, with a leak, a pool, and a site that is seen too rarely.
let windowsSnapshot: Snapshot = {
  var builder = SnapshotBuilder()
  return builder.fold(
    Reading(
      unixNanoseconds: 1_772_366_400_250_000_000, elapsed: 482,
      targets: [
        TargetSnapshot(
          pid: 4711, name: "session-server", mode: .windows,
          counters: AllocationCounters(
            allocatedBytes: 312_000_000_000, allocatedBlocks: 6_510_000_000,
            freedBytes: 311_980_000_000, freedBlocks: 6_509_580_000),
          unknownFrees: 0, residentBytes: 130_023_424, residentAnonymousBytes: 120_000_000,
          windows: WindowUse(
            count: 1204, openShare: 0.0186, costShare: 0.0188, budget: 0.02,
            unattributedFrees: 1730.4, elapsed: 480))
      ],
      sites: [
        windowed(
          1, "leaky", sampled: 312, allocated: 420_000, net: 420_000, low: 360_000, high: 490_000,
          significance: 9, rising: 60),
        windowed(
          2, "refill_pool", sampled: 1_204_551, allocated: 6_509_580_000, net: -3100,
          low: -61_000, high: 55_000, significance: -0.1, rising: 31),
        windowed(
          3, "read_config", sampled: 2, allocated: 2700, net: 2700, low: -1000, high: 8000,
          significance: 1.4, rising: 2),
      ]))
}()

/// A site of blocks of 48 bytes that windows show.
private func windowed(
  _ id: UInt64, _ function: String, sampled: UInt64, allocated: Double, net: Double, low: Double,
  high: Double, significance: Double, rising: Int
) -> SiteReading {
  var flow = SiteFlow(site: UInt32(id), sampledBlocks: sampled)
  flow.allocatedBlocks = allocated
  flow.allocatedBytes = allocated * 48
  flow.netBlocks = SiteFlow.Bounds(value: net, low: low, high: high)
  flow.netBytes = SiteFlow.Bounds(value: net * 48, low: low * 48, high: high * 48)
  flow.growth = GrowthRate(
    bytesPerSecond: net * 48 / 480, low: low * 48 / 480, high: high * 48 / 480)
  flow.batchCount = 64
  flow.risingBatches = rising
  flow.significance = significance
  flow.lateSignificance = significance * 0.7
  let estimate = SiteEstimate(flow: flow, elapsed: 480, windowCount: 1204)
  return SiteReading(
    id: SiteID(rawValue: id), process: ProcessIdentity(pid: 4711, startTicks: 0),
    stack: [
      Frame(
        function: function, module: "session-server", offset: 0x118c, file: "session.c", line: 5),
      Frame(function: "main", module: "session-server", offset: 0x2240),
    ],
    counters: estimate.counters, estimate: estimate)
}

/// A machine on which one process is observed in windows and the others exactly.
let windowsSystemSnapshot: Snapshot = {
  var snapshot = systemSnapshot
  for index in snapshot.targets.indices where snapshot.targets[index].pid == 4711 {
    snapshot.targets[index].mode = .windows
    snapshot.targets[index].windows = windowsSnapshot.targets[0].windows
  }
  snapshot.sites = windowsSnapshot.sites + snapshot.sites.filter { $0.pid != 4711 }
  return snapshot
}()
