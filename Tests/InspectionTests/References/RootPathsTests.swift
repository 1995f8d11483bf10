import Inspection
import Testing

@Suite struct RootPathsTests {
  @Test func `chains are the shortest, and there is one for each rooted block`() {
    for seed in 1...2000 as ClosedRange<UInt64> {
      let random = RandomGraph(seed: seed)
      let paths = RootPaths(incoming: random.graph.reversed(), rooted: random.startRooted)
      for block in 0..<random.blockCount {
        let chains = paths.paths(to: block, limit: .max)
        let expected = Set(random.startRooted).filter {
          random.reachable(from: [$0]).contains(block)
        }
        #expect(Set(chains.map { $0[0] }) == expected && chains.count == expected.count)
        #expect(chains.map(\.count) == chains.map(\.count).sorted())
        for chain in chains {
          #expect(isChain(chain, in: random), "\(chain) in graph \(seed)")
          #expect(chain.last == block)
          #expect(chain.count == distance(from: chain[0], to: block, in: random) + 1)
        }
      }
    }
  }

  @Test func `no more chains are given than were asked for`() {
    let graph = ReferenceGraph(
      blockCount: 4,
      references: (0..<3).map { Reference(source: $0, destination: 3, isToStart: true) })
    let paths = RootPaths(incoming: graph.reversed(), rooted: [0, 1, 2])
    #expect(paths.paths(to: 3, limit: 2).count == 2)
  }

  private func isChain(_ chain: [Int], in random: RandomGraph) -> Bool {
    zip(chain, chain.dropFirst()).allSatisfy { pair in
      random.references.contains { Int($0.source) == pair.0 && Int($0.destination) == pair.1 }
    }
  }

  /// By relaxing every reference as often as there are blocks.
  private func distance(from first: Int, to last: Int, in random: RandomGraph) -> Int {
    var distances: [Int: Int] = [:]
    distances[first] = 0
    for _ in 0..<random.blockCount {
      for reference in random.references {
        guard let known = distances[Int(reference.source)] else { continue }
        distances[Int(reference.destination)] = min(
          distances[Int(reference.destination)] ?? .max, known + 1)
      }
    }
    return distances[last] ?? .max
  }
}
