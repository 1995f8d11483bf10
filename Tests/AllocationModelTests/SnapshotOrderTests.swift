import AllocationModel
import TestSupport
import Testing

@Suite struct SnapshotOrderTests {
  @Test(arguments: SnapshotOrder.allCases)
  func `every order is total and ignores the order of its input`(_ order: SnapshotOrder) {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<30 {
      let sites = randomSites(40, using: &generator)
      for lhs in sites {
        #expect(!order.precedes(lhs, lhs))
        for rhs in sites where lhs.id != rhs.id || lhs.pid != rhs.pid {
          #expect(order.precedes(lhs, rhs) != order.precedes(rhs, lhs))
        }
      }
      let sorted = snapshot(sites).sorted(by: order)
      let shuffled = snapshot(sites.shuffled(using: &generator)).sorted(by: order)
      #expect(names(shuffled) == names(sorted))
      #expect(names(sorted.sorted(by: order)) == names(sorted))
      for (before, after) in zip(sorted.sites, sorted.sites.dropFirst()) {
        #expect(!order.precedes(after, before))
      }
    }
  }

  @Test func `the fastest surely growing site comes first, then the largest`() {
    let sites = [
      site(1, low: 0, live: 10), site(2, low: 5, live: 1), site(3, low: -4, live: 99),
      site(4, low: 0, live: 70),
    ]
    #expect(snapshot(sites).sorted(by: .growth).sites.map(\.id.rawValue) == [2, 4, 1, 3])
    #expect(snapshot(sites).sorted(by: .live).sites.map(\.id.rawValue) == [3, 4, 1, 2])
  }

  /// Their lower bounds are far below zero, the more so the more they allocate.
  @Test func `what windows show is ranked by how sure it is until growth is beyond doubt`() {
    func estimated(_ id: UInt64, low: Double, significance: Double) -> SiteSnapshot {
      var site = site(id, low: low, live: 1)
      var flow = SiteFlow(site: 0, sampledBlocks: 3)
      flow.significance = significance
      site.estimate = SiteEstimate(flow: flow, elapsed: 10, windowCount: 9)
      return site
    }
    let sites = [
      estimated(1, low: -1e7, significance: 0.2), estimated(2, low: -1e5, significance: 1.7),
      estimated(3, low: 0, significance: 0), estimated(4, low: -5, significance: -2),
      estimated(5, low: 3, significance: 2.1), site(6, low: 0, live: 1),
    ]
    #expect(
      snapshot(sites).sorted(by: .growth).sites.map(\.id.rawValue) == [5, 2, 1, 3, 6, 4])
  }

  @Test func `sites that rank alike keep their order`() {
    var sites = (0..<20).map { site(1, low: 0, live: 5, oldest: Double($0)) }
    sites.append(site(0, low: 0, live: 5))
    #expect(
      snapshot(sites).sorted(by: .live).sites.map(\.oldest)
        == [nil] + (0..<20).map { Double($0) }
    )
  }

  @Test func `limiting cuts the list of sites and nothing else`() {
    var generator = SeededGenerator(seed: 8)
    for count in [-1, 0, 1, 39, 40, 41, 1000] {
      var full = snapshot(randomSites(40, using: &generator))
      full.targets = [
        TargetSnapshot(pid: 1, name: "a", counters: AllocationCounters(allocatedBytes: 7))
      ]
      full.mappings = randomSites(5, using: &generator)
      full.lost = LossCounts(byReason: [.nesting: 3])
      let limited = full.limited(to: count)
      #expect(names(limited) == Array(names(full).prefix(max(0, count))))
      #expect(limited.sites.count + limited.omittedSiteCount == 40)
      #expect(limited.targets == full.targets)
      #expect(limited.mappings.count == 5)
      #expect(limited.lost == full.lost)
      #expect(limited.limited(to: 0).omittedSiteCount == 40)
    }
  }

  /// Sites by name, since a site with a figure that is not a number doesn't equal itself.
  private func names(_ snapshot: Snapshot) -> [String] {
    snapshot.sites.map { "\($0.id) \($0.pid)" }
  }

  private func snapshot(_ sites: [SiteSnapshot]) -> Snapshot {
    Snapshot(unixNanoseconds: 0, elapsed: 0, sites: sites)
  }

  private func site(
    _ id: UInt64,
    low: Double,
    live: UInt64,
    oldest: Double? = nil,
    pid: Int32 = 1
  ) -> SiteSnapshot {
    SiteSnapshot(
      id: SiteID(rawValue: id),
      pid: pid,
      stack: [],
      counters: AllocationCounters(
        allocatedBytes: live + id,
        allocatedBlocks: live,
        freedBytes: id
      ),
      growth: GrowthRate(low: low),
      oldest: oldest,
      assessment: Assessment(verdict: .mixed, reason: "")
    )
  }

  /// Sites with many equal keys, but no two with the same id and pid.
  private func randomSites(_ count: Int, using generator: inout SeededGenerator) -> [SiteSnapshot] {
    (0..<count).map { index in
      site(
        UInt64(index / 2),
        low: [.nan, -1, 0, 1].randomElement(using: &generator) ?? 0,
        live: UInt64.random(in: 0...2, using: &generator),
        oldest: [nil, .nan, 1, 2].randomElement(using: &generator) ?? nil,
        pid: Int32(index % 2)
      )
    }
  }
}
