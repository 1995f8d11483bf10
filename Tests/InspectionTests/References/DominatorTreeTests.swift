import Inspection
import Testing

@Suite struct DominatorTreeTests {
  @Test func `what a block retains is what is unreachable without it`() {
    for seed in 1...3000 as ClosedRange<UInt64> {
      let random = RandomGraph(seed: seed)
      let tree = DominatorTree(
        graph: random.graph, rooted: random.startRooted, byteCounts: random.byteCounts)
      let reached = random.reachable(from: random.startRooted)
      for block in 0..<random.blockCount {
        let without = random.reachable(from: random.startRooted, without: block)
        let expected = reached.subtracting(without).map { random.byteCounts[$0] }.reduce(0, +)
        #expect(
          tree.retainedByteCounts[block] == (reached.contains(block) ? expected : 0),
          "block \(block) of graph \(seed)")
      }
    }
  }

  @Test func `a dominator stands on every way from the roots`() {
    for seed in 1...1000 as ClosedRange<UInt64> {
      let random = RandomGraph(seed: seed)
      let tree = DominatorTree(
        graph: random.graph, rooted: random.startRooted, byteCounts: random.byteCounts)
      for block in random.reachable(from: random.startRooted) where tree.dominators[block] >= 0 {
        let dominator = Int(tree.dominators[block])
        #expect(
          !random.reachable(from: random.startRooted, without: dominator).contains(block),
          "block \(block) of graph \(seed)")
      }
    }
  }

  @Test func `a list of a million blocks needs no recursion`() {
    let count = 1_000_000
    let references = (1..<count).map {
      Reference(source: Int32($0 - 1), destination: Int32($0), isToStart: true)
    }
    let tree = DominatorTree(
      graph: ReferenceGraph(blockCount: count, references: references), rooted: [0],
      byteCounts: [UInt64](repeating: 24, count: count))
    #expect(tree.retainedByteCounts[0] == 24_000_000)
    #expect(tree.dominators[0] == DominatorTree.roots)
    #expect(tree.dominators[count - 1] == Int32(count - 2))
  }
}
