import AllocationModel
import Testing

@Suite struct LossReportTests {
  @Test func `only kinds that count fail, and only beyond the limit`() {
    let clean = LeakReport(Snapshot(unixNanoseconds: 0, elapsed: 1))
    var leaks = HeapLeaks(pid: 1)
    leaks.possibly = total(1, 100)
    leaks.reachable = total(2, 200)
    #expect(!LossReport(leaks, unclear: clean).isFailure)
    #expect(LossReport(leaks, kinds: [.possible], unclear: clean).isFailure)
    #expect(!LossReport(leaks, kinds: [.possible], limit: 100, unclear: clean).isFailure)
    #expect(LossReport(leaks, kinds: [.possible], limit: 99, unclear: clean).isFailure)
    leaks.definitely = total(1, 0)
    #expect(LossReport(leaks, unclear: clean).isFailure, "a block of no bytes is a leak")
  }

  @Test func `what can't be told counts where it was never freed`() {
    var builder = SnapshotBuilder()
    let snapshot = builder.fold(
      reading(at: 0, [site(AllocationCounters(allocatedBytes: 50, allocatedBlocks: 1), id: 1)]))
    let report = LossReport(HeapLeaks(pid: 1), unclear: LeakReport(snapshot))
    #expect(report.isFailure)
    #expect(!LossReport(HeapLeaks(pid: 1), limit: 50, unclear: LeakReport(snapshot)).isFailure)
  }

  @Test func `trees of one stack are one group, and those without a stack another`() {
    var leaks = HeapLeaks(pid: 1)
    leaks.trees = [
      tree(0x10, site: 1, type: "A", rest: total(2, 50)), tree(0x20, site: 1, type: "A"),
      tree(0x30, site: 2, type: "A"), tree(0x40, site: 2, type: "B"), tree(0x50),
    ]
    leaks.trees[1].kind = "ROOT CYCLE"
    let groups = leaks.groups(by: .stack)
    #expect(groups.map(\.origin?.site.rawValue) == [1, 2, nil])
    #expect(groups.map(\.trees) == [2, 2, 1])
    #expect(groups.map(\.cycles) == [1, 0, 0])
    #expect(groups.map(\.name) == ["A", nil, nil])
    #expect(groups[0].totals == [.definite: total(2, 200), .indirect: total(2, 50)])
    #expect(leaks.groups(by: .stack, counting: [.indirect]).map(\.total.blocks) == [2])
  }

  @Test func `a suppressed tree takes what it leads to with it`() throws {
    var leaks = HeapLeaks(pid: 1)
    leaks.trees = [
      tree(0x10, site: 1, rest: total(2, 50)), tree(0x20, site: 1), tree(0x30, site: 2),
      tree(0x40, type: "app::Session"), tree(0x50, site: 3, type: "app::Session"), tree(0x60),
    ]
    leaks.definitely = total(6, 600)
    leaks.indirectly = total(2, 50)
    leaks.suppress(try SuppressionList(parsing: "leak:nobody\nleak:^f1$\nleak:Session"))
    // A stack says more than a type, so the type of a block that has one is not asked.
    #expect(leaks.trees.map(\.address) == [0x30, 0x50, 0x60])
    #expect(leaks.definitely == total(3, 300))
    #expect(leaks.indirectly == total(0, 0))
    #expect(
      leaks.suppressed == [
        SuppressedLeaks(pattern: "^f1$", siteCount: 1, blocks: 4, bytes: 250),
        SuppressedLeaks(pattern: "Session", siteCount: 1, blocks: 1, bytes: 100),
      ])
  }

  @Test func `requested bytes are known only if they are of each block`() {
    let known = total(1, 10)
    let unknown = HeapLeaks.Total(blocks: 1, bytes: 24)
    #expect((known + known).requestedBytes == 20)
    #expect((known + unknown).requestedBytes == nil)
    #expect((HeapLeaks.Total() + known).requestedBytes == 10)
    #expect((known + unknown).claimedBytes == 42)
  }

  @Test(arguments: [
    ("definite", [LeakKindName.definite]), ("possible,reachable", [.possible, .reachable]),
    ("all", LeakKindName.allCases),
  ])
  func `kinds are named as memcheck names them`(text: String, kinds: [LeakKindName]) {
    #expect(LeakKindName.set(parsing: text) == Set(kinds))
  }

  @Test(arguments: ["", "lost", "definite,", "all,definite", "Definite"])
  func `other names are none`(text: String) {
    #expect(LeakKindName.set(parsing: text) == nil)
  }

  private func total(_ blocks: UInt64, _ bytes: UInt64) -> HeapLeaks.Total {
    HeapLeaks.Total(blocks: blocks, bytes: bytes + 8 * blocks, requestedBytes: bytes)
  }

  private func tree(
    _ address: UInt64, site: UInt64? = nil, type: String? = nil,
    rest: HeapLeaks.Total = HeapLeaks.Total()
  ) -> HeapLeaks.Tree {
    HeapLeaks.Tree(
      kind: "ROOT LEAK", address: address, head: total(1, 100), rest: rest, type: type,
      origin: site.map {
        LeakOrigin(site: SiteID(rawValue: $0), stack: [Frame(function: "f\($0)", offset: $0)])
      })
  }
}
