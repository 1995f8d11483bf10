import AllocationModel
import Testing

/// Verdicts on figures that windows gave.
@Suite struct SiteEstimateTests {
  /// 312 blocks of 48 bytes sampled in eight minutes, of which all that is told of here is left.
  private func estimate(
    net: SiteFlow.Bounds, significance: Double = 0, early: Double = 0, late: Double = 0,
    decline: Double = 0, windows: Int = 240
  ) -> SiteEstimate {
    var flow = SiteFlow(site: 3, sampledBlocks: 312)
    flow.allocatedBlocks = 1_000_000
    flow.allocatedBytes = 48_000_000
    flow.netBlocks = net
    flow.netBytes = SiteFlow.Bounds(value: net.value * 48, low: net.low * 48, high: net.high * 48)
    flow.growth = GrowthRate(
      bytesPerSecond: net.value * 0.1, low: net.low * 0.1, high: net.high * 0.1)
    flow.batchCount = min(64, windows)
    flow.risingBatches = flow.batchCount / 2
    flow.significance = significance
    flow.earlySignificance = early
    flow.lateSignificance = late
    flow.decline = decline
    flow.earlyNetBytes = 2_097_152
    return SiteEstimate(flow: flow, elapsed: 480, windowCount: windows)
  }

  private func judged(_ estimate: SiteEstimate) -> SiteSnapshot? {
    var builder = SnapshotBuilder()
    return builder.fold(reading(at: 9, [sampled(estimate)])).sites.first
  }

  private func sampled(_ estimate: SiteEstimate, id: UInt64 = 1) -> SiteReading {
    SiteReading(
      id: SiteID(rawValue: id), process: process, stack: [], counters: estimate.counters,
      estimate: estimate)
  }

  private let balanced = SiteFlow.Bounds(value: 10, low: -100, high: 120)
  private let risen = SiteFlow.Bounds(value: 420_000, low: 360_000, high: 490_000)

  @Test func `growth beyond chance is growing, with the figures and what they rest on`() throws {
    let site = try #require(judged(estimate(net: risen, significance: 9, late: 6)))
    #expect(site.assessment.verdict == .growing)
    #expect(
      site.assessment.reason
        == "grew ~41 KiB/s (35 to 48 KiB/s) over 8 min, 312 sampled blocks in 240 windows")
    #expect(site.growth == GrowthRate(bytesPerSecond: 42_000, low: 36_000, high: 49_000))
    #expect(site.counters.liveBlocks == 420_000)
    #expect(site.peakBytes == 0, "of live bytes nothing is known")
  }

  @Test(arguments: [
    (2.0, 6.0, 100), (9, 0.5, 100), (9, 6, 4),
  ])
  func `growth that may be chance, has ended or was hardly seen is not growing`(
    significance: Double, late: Double, windows: Int
  ) throws {
    let site = try #require(
      judged(estimate(net: risen, significance: significance, late: late, windows: windows)))
    #expect(site.assessment.verdict == (windows < 5 ? .new : .mixed))
    #expect(
      site.assessment.reason.hasPrefix(
        windows < 5
          ? "seen in 4 of the 5 windows a verdict needs"
          : "no clear direction: ~+41 KiB/s (35 to 48 KiB/s) over 8 min, "))
  }

  @Test func `growth that has ended is settling`() throws {
    let ended = estimate(net: risen, significance: 9, early: 12, late: 0.4, decline: 8)
    let site = try #require(judged(ended))
    #expect(site.assessment.verdict == .settling)
    #expect(
      site.assessment.reason
        == "grew ~2.0 MiB, then no more in the last 4 min, 312 sampled blocks in 240 windows")
    let slower = estimate(net: risen, significance: 9, early: 12, late: 1.5, decline: 1.5)
    #expect(judged(slower)?.assessment.verdict == .mixed)
  }

  @Test func `what comes and goes alike is steady, and what was not seen is not idle`() throws {
    let steady = try #require(judged(estimate(net: balanced)))
    #expect(steady.assessment.verdict == .steady)
    #expect(
      steady.assessment.reason == "as much freed as allocated: ~+1 B/s (-10 to 12 B/s) "
        + "over 8 min, 312 sampled blocks in 240 windows")
    var kept = estimate(net: SiteFlow.Bounds(value: 3, low: -1, high: 9))
    kept.flow.allocatedBlocks = 3
    #expect(judged(kept)?.assessment.verdict == .mixed, "nothing was freed")
    var unseen = estimate(net: SiteFlow.Bounds(value: 0, low: 0, high: 3))
    unseen.flow.sampledBlocks = 0
    let site = try #require(judged(unseen))
    #expect(site.assessment.verdict == .mixed)
    #expect(
      site.assessment.reason == "no allocation in the 240 windows of 8 min, which proves nothing")
  }

  @Test func `what shrinks is told as a positive figure`() {
    let site = judged(estimate(net: SiteFlow.Bounds(value: -42_000, low: -49_000, high: -36_000)))
    #expect(site?.assessment.verdict == .mixed)
    #expect(
      site?.assessment.reason.hasPrefix("shrank ~4.1 KiB/s (3.5 to 4.8 KiB/s) over 8 min") == true)
  }

  @Test func `the more sites are judged together, the more it takes`() throws {
    let suspect = sampled(estimate(net: risen, significance: 4, late: 4))
    for (count, verdict) in [(UInt64(1), Verdict.growing), (400, .mixed)] {
      var builder = SnapshotBuilder()
      var last: Snapshot?
      let others = (0..<count).map { sampled(estimate(net: balanced), id: $0 + 2) }
      for step in 0..<3 { last = builder.fold(reading(at: Double(step), [suspect] + others)) }
      let site = try #require(last?.sites.first { $0.id == suspect.id })
      #expect(site.assessment.verdict == verdict)
    }
  }

  @Test func `two stacks of one site are judged as one`() throws {
    var builder = SnapshotBuilder()
    let half = sampled(estimate(net: risen, significance: 2.5, late: 2))
    #expect(builder.fold(reading(at: 1, [half])).sites.first?.assessment.verdict == .mixed)
    let site = try #require(builder.fold(reading(at: 2, [half, half])).sites.first)
    #expect(site.assessment.verdict == .growing, "2.5 and 2.5 standard deviations are 3.5")
    let flow = try #require(site.estimate?.flow)
    #expect(flow.sampledBlocks == 624)
    #expect(flow.allocatedBlocks == 2_000_000)
    #expect(flow.netBlocks.value == 840_000)
    #expect(abs(flow.netBlocks.low - (840_000 - 60_000 * 2.0.squareRoot())) < 1)
    #expect(site.growth.bytesPerSecond == 84_000)
    #expect(site.counters.liveBlocks == 840_000)
  }

  @Test func `counting every call after windows begins a new history`() throws {
    var builder = SnapshotBuilder()
    func fold(_ step: Int, _ counters: AllocationCounters) throws -> SiteSnapshot {
      try #require(builder.fold(reading(at: Double(step) * 10, [site(counters)])).sites.first)
    }
    for step in 0..<20 { _ = try fold(step, counters(allocated: UInt64(step) * 100)) }
    let grown = try fold(20, counters(allocated: 2000))
    #expect(grown.assessment.verdict == .growing)
    let windows = builder.fold(reading(at: 210, [sampled(estimate(net: balanced))]))
    #expect(windows.sites.first?.assessment.verdict == .steady)
    #expect(windows.sites.first?.peakBytes == 0)
    // Fewer blocks than the windows had estimated, and more than were counted before them.
    let first = try fold(22, counters(allocated: 9000))
    #expect(first.assessment.verdict == .new)
    #expect(first.growth == GrowthRate())
    #expect(first.estimate == nil)
    #expect(first.peakBytes == first.counters.liveBytes)
    for step in 23..<40 { _ = try fold(step, counters(allocated: 9000 + UInt64(step - 22))) }
    let later = try fold(40, counters(allocated: 9018))
    #expect(abs(later.growth.bytesPerSecond - 10) < 1, "the leap between the modes does not count")
  }

  @Test func `a process that ended in windows keeps its verdict`() throws {
    var builder = SnapshotBuilder()
    let growing = sampled(estimate(net: risen, significance: 9, late: 6))
    _ = builder.fold(reading(at: 1, [growing]))
    for step in 2..<5 {
      let snapshot = builder.fold(reading(at: Double(step), [], targets: []))
      #expect(snapshot.sites.first?.assessment.verdict == .growing)
      #expect(snapshot.sites.first?.estimate == growing.estimate)
    }
  }

  @Test func `the peak of live bytes is that of counted ones`() throws {
    var builder = SnapshotBuilder()
    var row = target()
    for (step, mode, live) in [
      (1, TargetSnapshot.Mode.exact, 50), (2, .windows, 9000), (3, .exact, 20),
    ] as [(Double, TargetSnapshot.Mode, UInt64)] {
      row.mode = mode
      row.counters = AllocationCounters(allocatedBytes: live, allocatedBlocks: 1)
      #expect(
        try #require(builder.fold(reading(at: step, [], targets: [row])).targets.first)
          .peakLiveBytes == 50)
    }
  }

  @Test func `a group says that estimates are in its sums`() throws {
    let leak = SiteSnapshot(
      id: SiteID(rawValue: 1), pid: 42, startTicks: 1000, stack: [],
      counters: AllocationCounters(allocatedBytes: 10, allocatedBlocks: 1),
      growth: GrowthRate(bytesPerSecond: 4, low: 1, high: 7), estimate: estimate(net: risen),
      assessment: Assessment(verdict: .growing, reason: "r"))
    var counted = leak
    counted.estimate = nil
    counted.id = SiteID(rawValue: 2)
    let snapshot = Snapshot(
      unixNanoseconds: 0, elapsed: 1, targets: [target()], sites: [leak, counted])
    let group = try #require(snapshot.grouped(by: .process).first)
    #expect(group.estimatedSiteCount == 1)
    #expect(group.isEstimated)
    #expect(group.growth.bytesPerSecond == 8)
    #expect(snapshot.grouped(by: .site).map(\.isEstimated).sorted { !$0 && $1 } == [false, true])
  }

  @Test func `what may be chance in windows is no leak of a test run`() {
    func site(_ verdict: Verdict, estimate: SiteEstimate?) -> SiteSnapshot {
      SiteSnapshot(
        id: SiteID(rawValue: 1), pid: 1, stack: [],
        counters: AllocationCounters(allocatedBytes: 10, allocatedBlocks: 1), estimate: estimate,
        assessment: Assessment(verdict: verdict, reason: "r"))
    }
    let sites = [
      site(.steady, estimate: estimate(net: balanced)),
      site(.growing, estimate: estimate(net: risen)), site(.steady, estimate: nil),
    ]
    let report = LeakReport(Snapshot(unixNanoseconds: 0, elapsed: 1, sites: sites))
    #expect(
      report.leaks.map(\.assessment.verdict).sorted { $0.severity < $1.severity } == [
        .steady, .growing,
      ])
  }
}
