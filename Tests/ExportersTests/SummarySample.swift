import AllocationModel

/// An hour of a server with an old and a new leak, one that is gone, and processes that came and went.
func sampleSummary() -> Summary {
  var builder = SummaryBuilder(
    host: HostIdentity(name: "db1", kernel: "6.1.0-21-amd64 x86_64", heaptapVersion: "0.1.0"),
    suspectLimit: 2)
  builder.fold(
    snapshot(
      [server(live: 10_000_000, freed: 0), batch(exited: false)],
      [leak(1, live: 2_000_000, growth: 1500), leak(4, live: 10, growth: 3)], lost: 2))
  _ = builder.finish(Period(from: 1_772_362_800_000_000_000, to: 1_772_366_400_000_000_000))
  for (live, freed) in [(11_000_000, 0), (19_000_000, 0), (17_500_000, 2_000_000)]
    as [(UInt64, UInt64)]
  {
    builder.fold(
      snapshot(
        [server(live: live, freed: freed), batch(exited: true), young],
        [
          leak(1, live: live / 5, growth: 1600), leak(2, live: 4_000_000, growth: 900),
          leak(3, live: 7, growth: 1), settled,
        ], lost: 7))
  }
  return builder.finish(
    Period(from: 1_772_366_400_000_000_000, to: 1_772_370_000_000_000_000))
}

/// An hour in which a server was observed in windows, one site of which grew in the hour before as well.
func windowsSummary() -> Summary {
  var builder = SummaryBuilder(
    host: HostIdentity(name: "db1", kernel: "6.1.0-21-amd64 x86_64", heaptapVersion: "0.1.0"),
    suspectLimit: 2)
  var windowed = server(live: 10_000_000, freed: 0)
  windowed.mode = .windows
  var estimated = leak(1, live: 2_000_000, growth: 1500)
  var flow = SiteFlow(site: 0, sampledBlocks: 312)
  flow.netBlocks = SiteFlow.Bounds(value: 420, low: 360, high: 490)
  flow.netBytes = SiteFlow.Bounds(value: 900_000, low: 810_000, high: 990_000)
  estimated.estimate = SiteEstimate(flow: flow, elapsed: 600, windowCount: 1200)
  estimated.assessment.reason =
    "grew ~1.5 KiB/s (1.3 to 1.6 KiB/s) over 10 min, 312 sampled blocks in 1,200 windows"
  for _ in 0..<2 {
    builder.fold(snapshot([windowed, batch(exited: false)], [estimated], lost: 0))
    _ = builder.finish(Period(from: 1_772_362_800_000_000_000, to: 1_772_366_400_000_000_000))
  }
  builder.fold(
    snapshot(
      [windowed, batch(exited: false)], [estimated, leak(2, live: 400, growth: 3)], lost: 0))
  return builder.finish(Period(from: 1_772_366_400_000_000_000, to: 1_772_370_000_000_000_000))
}

private func snapshot(_ targets: [TargetSnapshot], _ sites: [SiteSnapshot], lost: UInt64)
  -> Snapshot
{
  Snapshot(
    unixNanoseconds: 0, elapsed: 0, targets: targets, sites: sites,
    lost: LossCounts(byReason: [.skippedReturn: lost, .blockTableFull: 12_000]))
}

private func server(live: UInt64, freed: UInt64) -> TargetSnapshot {
  TargetSnapshot(
    pid: 4711, name: "session-server",
    counters: AllocationCounters(
      allocatedBytes: live + freed, allocatedBlocks: (live + freed) / 1000, freedBytes: freed,
      freedBlocks: freed / 1000), residentBytes: live * 2,
    residentAnonymousBytes: live + live / 2)
}

private func batch(exited: Bool) -> TargetSnapshot {
  TargetSnapshot(
    pid: 4720, name: "a \"quoted\" na\nme",
    counters: AllocationCounters(allocatedBytes: 512, allocatedBlocks: 2),
    hasExited: exited, hasVisibleAllocator: false)
}

private let young = TargetSnapshot(
  pid: 5001, name: "cron", counters: AllocationCounters(allocatedBytes: 4096, allocatedBlocks: 1),
  residentBytes: 1 << 20, residentAnonymousBytes: 1 << 19, isFromStart: true)

private func leak(_ id: UInt64, live: UInt64, growth: Double) -> SiteSnapshot {
  SiteSnapshot(
    id: SiteID(rawValue: id), pid: 4711,
    stack: [
      Frame(
        function: "std::vector<\"\(id)\\\">::push_back", module: "session-server",
        buildID: "c0ffee",
        offset: 0x118c, file: "src/session.cpp", line: 51, isInlined: true),
      Frame(function: "handle_request", module: "session-server", offset: 0x2240),
      Frame(module: "libc.so.6", offset: 0x27249),
    ], ending: id == 2 ? .noRule : .complete,
    counters: AllocationCounters(allocatedBytes: live, allocatedBlocks: live / 100),
    growth: GrowthRate(bytesPerSecond: growth, low: growth * 0.9, high: growth * 1.1), oldest: 3500,
    assessment: Assessment(verdict: .growing, reason: "grew for 58 min, 0 of 12,430 blocks freed"))
}

private let settled: SiteSnapshot = {
  var site = leak(4, live: 10, growth: 0)
  site.assessment = Assessment(
    verdict: .settling, reason: "grew 10 B, then nothing in the last 5 min")
  return site
}()
