import Inspection
import TestSupport

/// A small graph of random shape, and questions answered from it in the plainest way.
struct RandomGraph {
  var blockCount: Int
  var references: [Reference]
  var startRooted: [Int]
  var interiorRooted: [Int]
  var byteCounts: [UInt64]

  init(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let blockCount = Int.random(in: 1...14, using: &generator)
    let referenceCount = Int.random(in: 0...(blockCount * 2), using: &generator)
    self.blockCount = blockCount
    references = (0..<referenceCount).map { _ in
      Reference(
        source: Int32.random(in: 0..<Int32(blockCount), using: &generator),
        destination: Int32.random(in: 0..<Int32(blockCount), using: &generator),
        isToStart: Int.random(in: 0..<4, using: &generator) != 0)
    }
    startRooted = (0..<Int.random(in: 0...2, using: &generator)).map { _ in
      Int.random(in: 0..<blockCount, using: &generator)
    }
    interiorRooted = (0..<Int.random(in: 0...1, using: &generator)).map { _ in
      Int.random(in: 0..<blockCount, using: &generator)
    }
    byteCounts = (0..<blockCount).map { _ in UInt64.random(in: 1...1000, using: &generator) }
  }

  var graph: ReferenceGraph { ReferenceGraph(blockCount: blockCount, references: references) }

  /// What can be reached from some blocks without going through another: adds until nothing is added.
  func reachable(
    from blocks: [Int], without removed: Int? = nil,
    where isFollowed: (Reference) -> Bool = { _ in true }
  ) -> Set<Int> {
    var reached = Set(blocks.filter { $0 != removed })
    while true {
      let added = references.filter {
        reached.contains(Int($0.source)) && isFollowed($0) && Int($0.destination) != removed
      }.map { Int($0.destination) }
      let count = reached.count
      reached.formUnion(added)
      if reached.count == count { return reached }
    }
  }
}
