import AllocationModel
import Testing

/// What an inspection of the heap adds to what flows say.
@Suite struct SiteInspectionTests {
  private let process = ProcessIdentity(pid: 7, startTicks: 1)

  private func site(_ id: UInt64, _ verdict: Verdict, growth: Double = 0) -> SiteSnapshot {
    SiteSnapshot(
      id: SiteID(rawValue: id), pid: 7, startTicks: 1, stack: [], counters: AllocationCounters(),
      growth: GrowthRate(bytesPerSecond: growth, low: growth, high: growth),
      assessment: Assessment(verdict: verdict, reason: "grew 41 KiB/s for 8 min, 0 of 9 freed"))
  }

  private func inspection(
    _ blocks: UInt64, lost: UInt64, holder: String? = nil
  ) -> SiteInspection {
    SiteInspection(
      elapsed: 3, blocks: blocks, unreachable: HeapLeaks.Total(blocks: lost, bytes: 1024 * lost),
      holder: holder)
  }

  private func snapshot(
    _ sites: [SiteSnapshot], _ found: [UInt64: SiteInspection]
  ) -> Snapshot {
    var snapshot = Snapshot(unixNanoseconds: 0, elapsed: 10, sites: sites)
    let sites = Dictionary(uniqueKeysWithValues: found.map { (SiteID(rawValue: $0), $1) })
    snapshot.add([process: ProcessInspection(process: process, sites: sites)], order: .growth)
    return snapshot
  }

  @Test func `what nothing references is unreachable and comes first`() {
    let result = snapshot(
      [site(1, .growing, growth: 1e9), site(2, .growing, growth: 10), site(3, .steady)],
      [2: inspection(12, lost: 12), 1: inspection(5, lost: 0, holder: "app!sessions")])
    #expect(result.sites.map(\.id.rawValue) == [2, 1, 3])
    #expect(result.sites.map(\.assessment.verdict) == [.unreachable, .growing, .steady])
    #expect(
      result.sites[0].assessment.reason
        == "nothing references 12 of 12 blocks, 12 KiB; grew 41 KiB/s for 8 min")
    #expect(
      result.sites[1].assessment.reason
        == "grew 41 KiB/s for 8 min, 0 of 9 freed, held by app!sessions")
    #expect(result.sites[2].inspection == nil)
  }

  @Test func `a single block, or a few among many, are no evidence`() {
    let result = snapshot(
      [site(1, .growing), site(2, .steady), site(3, .steady)],
      [1: inspection(1, lost: 1), 2: inspection(100, lost: 9), 3: inspection(100, lost: 10)])
    let verdicts = Dictionary(
      uniqueKeysWithValues: result.sites.map { ($0.id.rawValue, $0.assessment.verdict) })
    #expect(verdicts == [1: .growing, 2: .steady, 3: .unreachable])
    #expect(result.sites.allSatisfy { $0.inspection != nil }, "the figures are kept")
  }

  @Test func `another process with the same number is not meant`() {
    var other = site(1, .growing)
    other.startTicks = 2
    #expect(snapshot([other], [1: inspection(5, lost: 5)]).sites[0].assessment.verdict == .growing)
  }

  @Test func `what is lost is a suspect`() {
    #expect(Verdict.allCases.filter(\.isSuspicious) == [.unreachable, .growing])
  }
}
