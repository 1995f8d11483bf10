import AllocationModel
import Testing

@Suite struct LeakReportTests {
  @Test func `what is live and not suppressed is a leak, the most bytes first`() throws {
    let list = try SuppressionList(parsing: "leak:^f2$\nleak:nothing\nleak:^f4$")
    let report = LeakReport(
      snapshot([
        (1, counters(allocated: 2, size: 10)), (2, counters(allocated: 5)),
        (3, counters(allocated: 9, freed: 4)), (4, counters(allocated: 1)),
        (5, counters(allocated: 8, freed: 8)),
      ]), suppressions: list)
    #expect(report.leaks.map(\.id.rawValue) == [3, 1])
    #expect(report.leakedBytes == 520)
    #expect(report.leakedBlocks == 7)
    #expect(report.isFailure)
    #expect(report.suppressed.map(\.pattern) == ["^f2$", "^f4$"])
    #expect(report.suppressed.map(\.blocks) == [5, 1])
    #expect(report.suppressed.map(\.bytes) == [500, 100])
  }

  @Test func `only more than the limit fails`() {
    let leaking = snapshot([(1, counters(allocated: 2, freed: 1))])
    #expect(!LeakReport(leaking, limit: 100).isFailure)
    #expect(LeakReport(leaking, limit: 99).isFailure)
    #expect(!LeakReport(snapshot([(1, counters(allocated: 2, freed: 2))])).isFailure)
  }

  @Test func `a leaked block of no bytes is a leak`() {
    #expect(LeakReport(snapshot([(1, counters(allocated: 1, size: 0))])).isFailure)
  }

  private func snapshot(_ sites: [(UInt64, AllocationCounters)]) -> Snapshot {
    var builder = SnapshotBuilder()
    return builder.fold(reading(at: 0, sites.map { site($0.1, id: $0.0) }))
  }
}
