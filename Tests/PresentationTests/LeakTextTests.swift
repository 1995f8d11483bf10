import AllocationModel
import Presentation
import TestSupport
import Testing

@Suite struct LeakTextTests {
  @Test(arguments: [60, 100])
  func `leaks read as recorded`(width: Int) throws {
    let list = try SuppressionList(parsing: "leak:^std::_Hashtable")
    let report = LeakReport(sampleSnapshot, suppressions: list, limit: 4096)
    let text = LeakText(width: width, maximumFrames: 3, maximumSites: 1)
    Golden("leaks-\(width).txt").expect(text.render(report, lost: sampleSnapshot.lost))
  }

  @Test func `nothing leaked is said`() {
    let report = LeakReport(Snapshot(unixNanoseconds: 0, elapsed: 1))
    #expect(
      LeakText(width: 80, maximumFrames: 3, maximumSites: 9).render(report, lost: LossCounts())
        == "no leaks: everything was freed or is suppressed\n")
  }

  @Test func `why references can't be told is said where something was not freed`() {
    let text = LeakText(width: 80, maximumFrames: 3, maximumSites: 9)
    #expect(
      text.render(LeakReport(sampleSnapshot), lost: LossCounts(), obstacle: "a signal killed it")
        .hasPrefix(
          """
          what is still referenced can't be told, so all that was never freed counts: a
          signal killed it
          """))
    #expect(
      text.render(
        LeakReport(Snapshot(unixNanoseconds: 0, elapsed: 1)), lost: LossCounts(), obstacle: "x")
        == "no leaks: everything was freed or is suppressed\n")
  }

  @Test(arguments: [60, 100])
  func `what was lost reads as recorded`(width: Int) throws {
    let text = LeakText(width: width, maximumFrames: 3, maximumSites: 2)
    var output = text.render(Self.losses(), lost: LossCounts()) + "\n"
    output += text.render(
      Self.losses(Set(LeakKindName.allCases), limit: 1 << 20), lost: LossCounts())
    output += "\n"
    output += text.render(
      Self.losses(unclear: LeakReport(sampleSnapshot)), lost: sampleSnapshot.lost)
    output += "\n"
    var none = Self.losses()
    none.leaks.suppress(try SuppressionList(parsing: "leak:serve\nleak:Session"))
    output += text.render(none, lost: LossCounts())
    Golden("losses-\(width).txt").expect(output)
  }

  private static func losses(
    _ kinds: Set<LeakKindName> = LeakKindName.lost, limit: UInt64 = 0,
    unclear: LeakReport = LeakReport(Snapshot(unixNanoseconds: 0, elapsed: 1))
  ) -> LossReport {
    func total(_ blocks: UInt64, _ bytes: UInt64) -> HeapLeaks.Total {
      HeapLeaks.Total(blocks: blocks, bytes: bytes + 8 * blocks, requestedBytes: bytes)
    }
    func origin(_ function: String, _ site: UInt64) -> LeakOrigin {
      LeakOrigin(
        site: SiteID(rawValue: site),
        stack: [
          Frame(function: function, module: "app", offset: 1, file: "session.c", line: 5),
          Frame(function: "serve", module: "app", offset: 2, file: "app.c", line: 30),
        ])
    }
    var leaks = HeapLeaks(pid: 7)
    leaks.definitely = total(4, 400)
    leaks.indirectly = total(21, 2100)
    leaks.possibly = total(1, 272)
    leaks.reachable = total(12_430, 5 << 20)
    leaks.trees = [
      HeapLeaks.Tree(
        kind: "ROOT LEAK", address: 0x10, head: total(1, 100), rest: total(20, 2000),
        type: "Session", origin: origin("make_session", 1)),
      HeapLeaks.Tree(
        kind: "ROOT CYCLE", address: 0x20, head: total(1, 100), rest: total(1, 100),
        type: "Session", origin: origin("make_session", 1)),
      HeapLeaks.Tree(
        kind: "ROOT LEAK", address: 0x30, head: total(1, 100), origin: origin("parse", 2)),
      HeapLeaks.Tree(kind: "ROOT LEAK", address: 0x40, head: total(1, 100), type: "Session"),
    ]
    leaks.remainders = [
      HeapLeaks.Remainder(kind: .reachable, total: total(12_430, 5 << 20), origin: origin("f", 3)),
      HeapLeaks.Remainder(kind: .possible, total: total(1, 272), origin: origin("g", 4)),
    ]
    return LossReport(leaks, kinds: kinds, limit: limit, unclear: unclear)
  }
}
