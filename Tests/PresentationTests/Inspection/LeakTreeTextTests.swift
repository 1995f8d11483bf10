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
        kind: "ROOT LEAK", address: 0x55d0_c2a0, total: HeapLeaks.Total(blocks: 3, bytes: 3000),
        type: "Session", headByteCount: 136),
      HeapLeaks.Tree(
        kind: "ROOT CYCLE", address: 0x55d0_d2a0, total: HeapLeaks.Total(blocks: 2, bytes: 1000),
        type: "Session", headByteCount: 136),
      HeapLeaks.Tree(
        kind: "ROOT LEAK", address: 0x55d0_e2a0, total: HeapLeaks.Total(blocks: 1, bytes: 136),
        headByteCount: 136),
    ]
    return leaks
  }()

  @Test func `trees, groups and what is new read as recorded`() {
    var text = LeakTreeText.render(Self.leaks, by: nil, limit: 2, isDiff: false) + "\n"
    for key in LeakGroup.Key.allCases {
      text += LeakTreeText.render(Self.leaks, by: key, limit: 20, isDiff: key == .size) + "\n"
    }
    text += LeakTreeText.render(HeapLeaks(pid: 7), by: nil, limit: 20, isDiff: true)
    Golden("leak-trees.txt").expect(text)
  }
}
