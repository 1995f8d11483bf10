import Inspection
import Testing

@Suite struct LeakKindsTests {
  @Test func `kinds are those of the definitions`() {
    for seed in 1...5000 as ClosedRange<UInt64> {
      let random = RandomGraph(seed: seed)
      let kinds = LeakKinds(
        graph: random.graph, startRooted: random.startRooted,
        interiorRooted: random.interiorRooted)
      #expect(kinds.kinds == expectedKinds(of: random), "graph \(seed)")
    }
  }

  @Test func `trees add up to what is lost`() {
    for seed in 1...2000 as ClosedRange<UInt64> {
      let random = RandomGraph(seed: seed)
      let graph = random.graph
      let kinds = LeakKinds(
        graph: graph, startRooted: random.startRooted, interiorRooted: random.interiorRooted)
      let trees = LeakTree.trees(graph: graph, kinds: kinds, byteCounts: random.byteCounts)
      let lost = kinds.kinds.indices.filter {
        kinds.kinds[$0] == .definitely || kinds.kinds[$0] == .indirectly
      }
      #expect(trees.map(\.blockCount).reduce(0, +) == lost.count)
      #expect(
        trees.map(\.byteCount).reduce(0, +) == lost.map { random.byteCounts[$0] }.reduce(0, +))
      for tree in trees {
        let below = random.references.filter { Int($0.source) == tree.head }.map {
          Int($0.destination)
        }
        #expect(
          (tree.kind == .cycle) == random.reachable(from: below).contains(tree.head),
          "block \(tree.head) of graph \(seed)")
      }
    }
  }

  @Test func `a ring that nothing holds is one cycle, and what hangs on it is below it`() {
    let graph = ReferenceGraph(
      blockCount: 4, references: [(1, 2), (2, 1), (2, 0), (3, 3)].map(reference))
    let kinds = LeakKinds(graph: graph, startRooted: [], interiorRooted: [])
    #expect(kinds.kinds == [.indirectly, .definitely, .indirectly, .definitely])
    #expect(
      LeakTree.trees(graph: graph, kinds: kinds, byteCounts: [100, 10, 10, 24]) == [
        LeakTree(kind: .cycle, head: 1, blockCount: 3, byteCount: 120),
        LeakTree(kind: .cycle, head: 3, blockCount: 1, byteCount: 24),
      ])
  }

  @Test func `a lost list of a million blocks is one tree and needs no recursion`() {
    let count = 1_000_000
    let graph = ReferenceGraph(
      blockCount: count, references: (1..<count).map { reference(from: $0 - 1, to: $0) })
    let kinds = LeakKinds(graph: graph, startRooted: [], interiorRooted: [])
    let trees = LeakTree.trees(
      graph: graph, kinds: kinds, byteCounts: [UInt64](repeating: 24, count: count))
    #expect(trees == [LeakTree(kind: .leak, head: 0, blockCount: count, byteCount: 24_000_000)])
  }

  private func reference(from source: Int, to destination: Int) -> Reference {
    Reference(source: Int32(source), destination: Int32(destination), isToStart: true)
  }

  /// As memcheck finds them: lost blocks in the order of their addresses, each taking what it reaches.
  private func expectedKinds(of random: RandomGraph) -> [LeakKind] {
    let reachable = random.reachable(from: random.startRooted) { $0.isToStart }
    let possibly = random.reachable(from: random.startRooted + random.interiorRooted)
    var kinds = (0..<random.blockCount).map { block -> LeakKind in
      reachable.contains(block) ? .reachable : possibly.contains(block) ? .possibly : .definitely
    }
    var taken: Set<Int> = []
    for block in kinds.indices where kinds[block] == .definitely && !taken.contains(block) {
      let below = random.reachable(from: [block]).filter {
        $0 != block && kinds[$0] != .reachable && kinds[$0] != .possibly
      }
      taken.formUnion(below)
      for other in below { kinds[other] = .indirectly }
    }
    return kinds
  }
}
