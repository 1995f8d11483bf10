import AllocationModel
import TestSupport
import Testing

@Suite struct GroupSnapshotTests {
  @Test func `one program's site is one group over its processes, another program's is another`() {
    let groups = sample.grouped(by: .site)
    #expect(groups.count == 3)
    let first = groups[0]
    #expect(first.name == "/bin/a")
    #expect(first.processCount == 2)
    #expect(first.siteCount == 2)
    #expect(first.counters.liveBytes == 300)
    #expect(first.assessment?.verdict == .growing)
    #expect(first.worstSite == SiteID(rawValue: 1))
    #expect(first.growth.bytesPerSecond == 30)
    // Margins of 3 and 4 bytes/s add up to 5.
    #expect(first.growth.low == 25)
    #expect(first.growth.high == 35)
  }

  @Test func `groups of processes have those without a site, too`() throws {
    let groups = sample.grouped(by: .executable)
    #expect(groups.map(\.name) == ["/bin/a", "/bin/b", "census"])
    #expect(groups.map(\.processCount) == [2, 1, 1])
    #expect(groups.map(\.residentAnonymousBytes) == [3000, nil, 700])
    #expect(groups[2].assessment == nil)
    #expect(sample.grouped(by: .process).count == 4)
    let containers = sample.grouped(by: .cgroup)
    #expect(containers.map(\.name) == ["/web", nil])
    #expect(containers.map(\.processCount) == [2, 2])
  }

  @Test func `a module is that of the allocator's caller`() {
    let groups = sample.grouped(by: .module)
    #expect(groups.map(\.name) == ["app"])
    #expect(groups[0].processCount == 3)
    #expect(groups[0].residentAnonymousBytes == nil)
  }

  @Test(arguments: GroupKey.allCases)
  func `nothing is lost or counted twice, whatever sites are summed by`(_ key: GroupKey) {
    var generator = SeededGenerator(seed: 50)
    for _ in 0..<20 {
      var snapshot = sample
      snapshot.sites = (0..<60).map { index in
        var site = SiteSnapshot(
          id: SiteID(rawValue: UInt64(index / 7)), pid: Int32.random(in: 1...5, using: &generator),
          startTicks: 1, stack: [], counters: counters(allocated: generator.next() >> 40),
          assessment: Assessment(verdict: .mixed, reason: ""))
        site.growth.bytesPerSecond = Double(Int.random(in: -9...9, using: &generator))
        return site
      }
      let groups = snapshot.grouped(by: key)
      #expect(groups.reduce(0) { $0 + $1.siteCount } == 60)
      #expect(
        groups.reduce(AllocationCounters()) { $0 + $1.counters }
          == snapshot.sites.reduce(AllocationCounters()) { $0 + $1.counters })
      #expect(
        groups.reduce(0) { $0 + $1.growth.bytesPerSecond }
          == snapshot.sites.reduce(0) { $0 + $1.growth.bytesPerSecond })
    }
  }

  private var sample: Snapshot {
    func target(_ pid: Int32, _ executable: String?, cgroup: String?, anonymous: UInt64?)
      -> TargetSnapshot
    {
      TargetSnapshot(
        pid: pid, startTicks: 1, name: executable == nil ? "census" : "x", executable: executable,
        cgroup: cgroup, mode: executable == nil ? .census : .exact,
        residentAnonymousBytes: anonymous)
    }
    func site(_ id: UInt64, _ pid: Int32, _ verdict: Verdict, rate: Double, margin: Double)
      -> SiteSnapshot
    {
      SiteSnapshot(
        id: SiteID(rawValue: id), pid: pid, startTicks: 1,
        stack: [Frame(function: "f", module: "app", offset: 1)],
        counters: counters(allocated: UInt64(pid)),
        growth: GrowthRate(bytesPerSecond: rate, low: rate - margin, high: rate + margin),
        assessment: Assessment(verdict: verdict, reason: "because"))
    }
    return Snapshot(
      unixNanoseconds: 0, elapsed: 1,
      targets: [
        target(1, "/bin/a", cgroup: "/web", anonymous: 1000),
        target(2, "/bin/a", cgroup: "/web", anonymous: 2000),
        target(3, "/bin/b", cgroup: nil, anonymous: nil),
        target(4, nil, cgroup: nil, anonymous: 700),
      ],
      sites: [
        site(1, 1, .steady, rate: 10, margin: 3), site(1, 2, .growing, rate: 20, margin: 4),
        site(2, 2, .idle, rate: 0, margin: 0), site(1, 3, .mixed, rate: 5, margin: 9),
      ])
  }
}
