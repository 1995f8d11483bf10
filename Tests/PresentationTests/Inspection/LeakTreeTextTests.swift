import AllocationModel
import Presentation
import TestSupport
import Testing

@Suite struct LeakTreeTextTests {
  private static let leaks: HeapLeaks = {
    var leaks = HeapLeaks(pid: 7)
    leaks.definitely = HeapLeaks.Total(blocks: 4, bytes: 4096)
    leaks.indirectly = HeapLeaks.Total(blocks: 2, bytes: 48)
    leaks.reachable = HeapLeaks.Total(blocks: 12_430, bytes: 5 << 20)
    leaks.trees = [
      HeapLeaks.Tree(
        kind: "ROOT LEAK", address: 0x55d0_c2a0, head: HeapLeaks.Total(blocks: 1, bytes: 136),
        rest: HeapLeaks.Total(blocks: 2, bytes: 2864), type: "Session"),
      HeapLeaks.Tree(
        kind: "ROOT CYCLE", address: 0x55d0_d2a0, head: HeapLeaks.Total(blocks: 1, bytes: 136),
        rest: HeapLeaks.Total(blocks: 1, bytes: 864), type: "Session"),
      HeapLeaks.Tree(
        kind: "ROOT LEAK", address: 0x55d0_e2a0, head: HeapLeaks.Total(blocks: 1, bytes: 136)),
    ]
    return leaks
  }()

  @Test func `trees, groups and what is new read as recorded`() {
    var text = LeakTreeText(limit: 2).render(Self.leaks) + "\n"
    for key in [LeakGroup.Key.type, .size] {
      text += LeakTreeText(by: key, limit: 20, isDiff: key == .size).render(Self.leaks) + "\n"
    }
    text += LeakTreeText(limit: 20, isDiff: true).render(HeapLeaks(pid: 7))
    Golden("leak-trees.txt").expect(text)
  }

  @Test func `trees with stacks, by stack, and what is suppressed read as recorded`() throws {
    var leaks = Self.leaks
    leaks.definitely = HeapLeaks.Total(blocks: 3, bytes: 408)
    leaks.indirectly = HeapLeaks.Total(blocks: 3, bytes: 3728)
    let origin = LeakOrigin(
      site: SiteID(rawValue: 1),
      stack: [
        Frame(function: "make_session", module: "app", offset: 1, file: "session.c", line: 5),
        Frame(function: "serve", module: "app", offset: 2, file: "app.c", line: 30),
        Frame(function: "main", module: "app", offset: 3, file: "app.c", line: 40),
        Frame(module: "app", offset: 4),
      ], ending: .noRule)
    leaks.trees[0].origin = origin
    leaks.trees[1].origin = origin
    var text = LeakTreeText(limit: 20, hasStacks: true, maximumFrames: 2).render(leaks) + "\n"
    text += LeakTreeText(by: .stack, limit: 20, hasStacks: true).render(leaks) + "\n"
    leaks.suppress(try SuppressionList(parsing: "leak:^serve$"))
    text += LeakTreeText(by: .stack, limit: 20, hasStacks: true).render(leaks)
    Golden("leak-stacks.txt").expect(text)
  }
}
