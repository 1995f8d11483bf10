import AllocationModel
import TestSupport
import Testing

/// Verdicts on made-up programs of every kind, over 200 seeds each: all sites of a program are judged together.
@Suite struct VerdictOfProgramTests {
  private static let runs: UInt64 = 200
  private static let siteCount: UInt64 = 2

  @Test(arguments: SimulatedSite.Kind.leakFree)
  func `a program without a leak is not called growing once it is warm`(
    _ kind: SimulatedSite.Kind
  ) {
    let alarms = (0..<Self.runs).count { run in
      hasGrowing(kind, run, interval: 2, from: 120, to: 420)
    }
    #expect(alarms <= Int(Self.runs) / 100)
  }

  @Test(arguments: SimulatedSite.Kind.leakFree)
  func `nor is it when it is polled rarely for half an hour`(_ kind: SimulatedSite.Kind) {
    let alarms = (0..<Self.runs).count { run in
      hasGrowing(kind, run + 1000, interval: 10, from: 300, to: 2100)
    }
    #expect(alarms <= Int(Self.runs) / 100)
  }

  @Test(arguments: SimulatedSite.Kind.leaks)
  func `a leak of at least one block a second is growing within a minute`(
    _ kind: SimulatedSite.Kind
  ) {
    let found = (0..<Self.runs).reduce(0) { sum, run in
      sum + growingSites(kind, run, interval: 2, from: 0, to: 60).count
    }
    #expect(Double(found) >= 0.96 * Double(Self.runs * Self.siteCount))
  }

  @Test func `a leak of a block every ten seconds is growing within half an hour`() {
    let found = (0..<Self.runs).reduce(0) { sum, run in
      sum + growingSites(.slowLeak, run, interval: 10, from: 0, to: 1800).count
    }
    #expect(Double(found) >= 0.96 * Double(Self.runs * Self.siteCount))
  }

  private func hasGrowing(
    _ kind: SimulatedSite.Kind, _ run: UInt64, interval: Double, from start: Double,
    to end: Double
  ) -> Bool {
    !growingSites(kind, run, interval: interval, from: start, to: end).isEmpty
  }

  /// Sites that were called growing at any time after `start`.
  private func growingSites(
    _ kind: SimulatedSite.Kind, _ run: UInt64, interval: Double, from start: Double,
    to end: Double
  ) -> Set<SiteID> {
    var sites = (0..<Self.siteCount).map { SimulatedSite(kind, seed: run &* 1_000_003 &+ $0) }
    var builder = SnapshotBuilder()
    var growing: Set<SiteID> = []
    var time = 0.0
    while time < end {
      time += interval
      for index in sites.indices { sites[index].advance(by: interval) }
      let readings = sites.enumerated().map { index, site in
        SiteReading(
          id: SiteID(rawValue: UInt64(index)), process: process, stack: [],
          counters: site.counters, oldest: site.oldest, lifetimes: site.lifetimes)
      }
      let snapshot = builder.fold(reading(at: time, readings))
      guard time >= start else { continue }
      for site in snapshot.sites where site.assessment.verdict == .growing {
        growing.insert(site.id)
      }
    }
    return growing
  }
}
