import AllocationModel
import Testing

@Suite struct SummaryBuilderTests {
  private let host = HostIdentity(name: "h", kernel: "k", heaptapVersion: "v")
  private let period = Period(from: 0, to: 60_000_000_000)

  private func target(
    _ pid: Int32, live: UInt64, freed: UInt64 = 0, exited: Bool = false, anonymous: UInt64? = nil
  ) -> TargetSnapshot {
    TargetSnapshot(
      pid: pid, name: "p\(pid)",
      counters: AllocationCounters(
        allocatedBytes: live + freed, allocatedBlocks: (live + freed) / 10, freedBytes: freed,
        freedBlocks: freed / 10),
      residentAnonymousBytes: anonymous, hasExited: exited)
  }

  private func site(_ id: UInt64, _ verdict: Verdict, live: UInt64, growth: Double = 1)
    -> SiteSnapshot
  {
    SiteSnapshot(
      id: SiteID(rawValue: id), pid: 1, stack: [Frame(function: "f\(id)", offset: id)],
      counters: AllocationCounters(allocatedBytes: live, allocatedBlocks: 1),
      growth: GrowthRate(bytesPerSecond: growth, low: growth, high: growth),
      assessment: Assessment(verdict: verdict, reason: "r"))
  }

  private func snapshot(
    _ targets: [TargetSnapshot], _ sites: [SiteSnapshot] = [], lost: UInt64 = 0
  ) -> Snapshot {
    Snapshot(
      unixNanoseconds: 0, elapsed: 0, targets: targets, sites: sites,
      lost: LossCounts(byReason: [.nesting: lost]))
  }

  @Test func `a process is told by its first, last and highest figures`() throws {
    var builder = SummaryBuilder(host: host, suspectLimit: 5)
    for (live, freed) in [(100, 0), (900, 0), (300, 650)] as [(UInt64, UInt64)] {
      builder.fold(snapshot([target(1, live: live, freed: freed, anonymous: live * 2)]))
    }
    let summary = builder.finish(period)
    let process = try #require(summary.processes.first)
    #expect(summary.snapshotCount == 3)
    #expect(process.first.liveBytes == 100)
    #expect(process.peak.liveBytes == 900)
    #expect(
      process.last == ProcessFigures(liveBytes: 300, liveBlocks: 30, residentAnonymousBytes: 600))
    #expect(process.growth == 200)
    #expect(process.growthBefore == nil)
    #expect(process.appeared)
    #expect(process.flow.allocatedBytes == 850)
    #expect(process.flow.freedBytes == 650)
    #expect(summary.totals.liveBytes == 300)
  }

  @Test func `a period begins where the one before ended`() throws {
    var builder = SummaryBuilder(host: host, suspectLimit: 5)
    builder.fold(snapshot([target(1, live: 100)], lost: 4))
    builder.fold(snapshot([target(1, live: 150)], lost: 4))
    #expect(builder.finish(period).lost.total == 4)
    builder.fold(snapshot([target(1, live: 450, freed: 50)], lost: 7))
    let summary = builder.finish(period)
    let process = try #require(summary.processes.first)
    #expect(process.first.liveBytes == 150)
    #expect(process.growth == 300)
    #expect(process.growthBefore == 50)
    #expect(!process.appeared)
    #expect(process.flow.allocatedBytes == 350)
    #expect(summary.lost.total == 3)
    #expect(summary.lostSinceStart.total == 7)
  }

  @Test func `an ended process is in the summary of the period it ended in and in no other`() {
    var builder = SummaryBuilder(host: host, suspectLimit: 5)
    builder.fold(snapshot([target(1, live: 100), target(2, live: 5)]))
    builder.fold(snapshot([target(1, live: 100, exited: true), target(2, live: 5)]))
    let first = builder.finish(period)
    #expect(first.processes.map(\.hasExited) == [true, false])
    #expect(first.totals.liveBytes == 5)
    builder.fold(snapshot([target(1, live: 100, exited: true), target(2, live: 5)]))
    #expect(builder.finish(period).processes.map(\.pid) == [2])
  }

  @Test func `a pid that is used again is another process`() throws {
    var builder = SummaryBuilder(host: host, suspectLimit: 5)
    builder.fold(snapshot([target(1, live: 1000)]))
    _ = builder.finish(period)
    builder.fold(snapshot([target(1, live: 1000, exited: true)]))
    builder.fold(snapshot([target(1, live: 20)]))
    let process = try #require(builder.finish(period).processes.first)
    #expect(process.appeared)
    #expect(process.growth == 0)
    #expect(process.growthBefore == nil)
  }

  @Test func `suspects are compared with those of the period before`() {
    var builder = SummaryBuilder(host: host, suspectLimit: 2)
    let quiet = site(9, .steady, live: 5)
    builder.fold(snapshot([target(1, live: 9)], [site(1, .growing, live: 10), quiet]))
    builder.fold(snapshot([target(1, live: 9)], [site(1, .growing, live: 30, growth: 7), quiet]))
    let first = builder.finish(period)
    #expect(first.suspects.map(\.site.id.rawValue) == [1])
    #expect(first.suspects.map(\.isNew) == [true])
    #expect(first.suspects.map(\.firstLiveBytes) == [10])
    #expect(first.suspects.map(\.peakLiveBytes) == [30])
    #expect(first.suspects.map(\.processName) == ["p1"])

    let grown = [
      site(2, .growing, live: 1), site(3, .growing, live: 1), site(4, .growing, live: 1),
    ]
    builder.fold(snapshot([target(1, live: 9)], [site(1, .growing, live: 40)] + grown))
    let second = builder.finish(period)
    #expect(second.suspects.map(\.growthBefore) == [7, nil])
    #expect(second.omittedSuspectCount == 2)
    #expect(second.resolved == [])

    builder.fold(snapshot([target(1, live: 9)], [site(1, .settling, live: 40)]))
    let third = builder.finish(period)
    #expect(third.resolved.map(\.id.rawValue) == [1, 2])
    #expect(third.resolved.map(\.function) == ["f1", "f2"])
    #expect(third.resolved.map(\.assessment?.verdict) == [.settling, nil])
  }

  @Test func `a period without a snapshot has an empty summary`() {
    var builder = SummaryBuilder(host: host, suspectLimit: 2)
    let summary = builder.finish(period)
    #expect(summary.snapshotCount == 0)
    #expect(summary.processes == [])
    #expect(summary.suspects == [])
  }

  @Test func `a process in windows is one process, of which neither live blocks nor flow are told`()
    throws
  {
    var builder = SummaryBuilder(host: host, suspectLimit: 5)
    func windowed(_ allocated: UInt64) -> TargetSnapshot {
      var target = target(1, live: allocated)
      target.mode = .windows
      return target
    }
    // Estimates of a rolling horizon go down, too.
    for target in [target(1, live: 900), windowed(5000), windowed(300), target(1, live: 20)] {
      builder.fold(snapshot([target, self.target(2, live: 7)]))
    }
    let first = builder.finish(period)
    #expect(first.processes.map(\.pid) == [1, 2])
    let process = try #require(first.processes.first)
    #expect(process.isEstimated)
    #expect(process.flow == AllocationCounters())
    #expect(process.peak.liveBytes == 900, "what windows say is no level")
    #expect(first.totals.liveBytes == 27)
    builder.fold(snapshot([target(1, live: 50)]))
    let second = try #require(builder.finish(period).processes.first)
    #expect(!second.isEstimated, "it was counted since the end of the period before")
    #expect(second.growth == 30)
    #expect(second.growthBefore == nil)
    builder.fold(snapshot([windowed(8)]))
    #expect(builder.finish(period).totals.liveBytes == 0)
  }

  @Test func `an estimated suspect is compared with what was estimated before`() throws {
    var builder = SummaryBuilder(host: host, suspectLimit: 5)
    var suspect = site(1, .growing, live: 5, growth: 30)
    suspect.estimate = SiteEstimate(
      flow: SiteFlow(site: 0, sampledBlocks: 9), elapsed: 60, windowCount: 30)
    builder.fold(snapshot([target(1, live: 5)], [suspect]))
    _ = builder.finish(period)
    suspect.estimate = nil
    builder.fold(snapshot([target(1, live: 5)], [suspect]))
    let compared = try #require(builder.finish(period).suspects.first)
    #expect(compared.growthBefore == 30)
    #expect(compared.isGrowthBeforeEstimated)
    builder.fold(snapshot([target(1, live: 5)], [suspect]))
    #expect(builder.finish(period).suspects.first?.isGrowthBeforeEstimated == false)
  }
}
