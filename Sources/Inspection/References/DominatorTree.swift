/// What keeps what alive: the block through which every path from the roots to a block leads, and the bytes that would
/// become unreachable with it.
///
/// Semi-NCA (L. Georgiadis, R. E. Tarjan: Finding dominators revisited, SODA 2004) over a virtual root that references
/// the rooted blocks, in order of a depth-first search; no recursion, as lists of millions of blocks are common.
package struct DominatorTree: Sendable {
  /// For each block: its immediate dominator; −1 for the roots themselves, −2 for what no root reaches.
  package private(set) var dominators: [Int32]
  /// For each block: its own bytes and those of all blocks that it dominates; 0 for what no root reaches.
  package private(set) var retainedByteCounts: [UInt64]
  /// For each block: 1 and the number of blocks that it dominates; 0 for what no root reaches.
  package private(set) var retainedNodeCounts: [Int]

  package static let roots: Int32 = -1
  package static let unreached: Int32 = -2

  package init(graph: ReferenceGraph, rooted: [Int], byteCounts: [UInt64]) {
    var search = DepthFirstOrder(graph: graph, rooted: rooted)
    search.findDominators(graph: graph.reversed(), rooted: rooted)
    dominators = [Int32](repeating: Self.unreached, count: graph.blockCount)
    retainedByteCounts = [UInt64](repeating: 0, count: graph.blockCount)
    retainedNodeCounts = [Int](repeating: 0, count: graph.blockCount)
    let blocks = search.blocks
    for number in 1..<blocks.count {
      retainedByteCounts[blocks[number]] = byteCounts[blocks[number]]
      retainedNodeCounts[blocks[number]] = 1
    }
    // A dominator precedes what it dominates, so its total is complete when its turn comes.
    for number in stride(from: blocks.count - 1, to: 0, by: -1) {
      let dominator = search.dominators[number]
      let block = blocks[number]
      dominators[block] = dominator == 0 ? Self.roots : Int32(blocks[dominator])
      guard dominator != 0 else { continue }
      retainedByteCounts[blocks[dominator]] += retainedByteCounts[block]
      retainedNodeCounts[blocks[dominator]] += retainedNodeCounts[block]
    }
  }
}

/// Blocks by the order in which a depth-first search meets them; number 0 is the virtual root.
private struct DepthFirstOrder {
  /// The block of each number; −1 stands at number 0.
  private(set) var blocks: [Int] = [-1]
  /// The immediate dominator of each number, which is a number too.
  private(set) var dominators: [Int] = []
  private var numbers: [Int]
  private var parents: [Int] = [0]
  /// Links of the forest that grows while semidominators are found, shortened by each look.
  private var ancestors: [Int] = []
  private var labels: [Int] = []
  private var semidominators: [Int] = []

  init(graph: ReferenceGraph, rooted: [Int]) {
    numbers = [Int](repeating: 0, count: graph.blockCount)
    for root in rooted where numbers[root] == 0 {
      var path = [(number: enter(root, from: 0), positions: graph.positions(of: root))]
      while let top = path.last {
        guard !top.positions.isEmpty else {
          path.removeLast()
          continue
        }
        path[path.count - 1].positions = (top.positions.lowerBound + 1)..<top.positions.upperBound
        let block = graph.destination(at: top.positions.lowerBound)
        guard numbers[block] == 0 else { continue }
        path.append((enter(block, from: top.number), graph.positions(of: block)))
      }
    }
  }

  private mutating func enter(_ block: Int, from parent: Int) -> Int {
    numbers[block] = blocks.count
    blocks.append(block)
    parents.append(parent)
    return blocks.count - 1
  }

  mutating func findDominators(graph reversed: ReferenceGraph, rooted: [Int]) {
    let count = blocks.count
    ancestors = [Int](repeating: -1, count: count)
    labels = Array(0..<count)
    semidominators = Array(0..<count)
    // Until its turn comes, each stands for itself, also where the virtual root references it.
    var isRooted = [Bool](repeating: false, count: count)
    for root in rooted { isRooted[numbers[root]] = true }
    for number in stride(from: count - 1, to: 0, by: -1) {
      var least = isRooted[number] ? 0 : parents[number]
      for position in reversed.positions(of: blocks[number]) {
        let source = numbers[reversed.destination(at: position)]
        guard source != 0 else { continue }
        least = min(least, semidominators[label(of: source)])
      }
      semidominators[number] = least
      ancestors[number] = parents[number]
    }
    dominators = parents
    for number in 1..<count {
      while dominators[number] > semidominators[number] {
        dominators[number] = dominators[dominators[number]]
      }
    }
  }

  /// The number with the least semidominator on the way up the forest, including its own.
  private mutating func label(of number: Int) -> Int {
    guard ancestors[number] >= 0 else { return number }
    var path: [Int] = []
    var current = number
    while ancestors[ancestors[current]] >= 0 {
      path.append(current)
      current = ancestors[current]
    }
    for node in path.reversed() {
      let above = ancestors[node]
      if semidominators[labels[above]] < semidominators[labels[node]] {
        labels[node] = labels[above]
      }
      ancestors[node] = ancestors[above]
    }
    return labels[number]
  }
}
