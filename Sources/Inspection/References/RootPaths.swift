/// Shortest chains from roots to a block, one for each of the nearest blocks that a root references.
package struct RootPaths: Sendable {
  /// References by the block that they point into.
  private let incoming: ReferenceGraph
  private let isRooted: [Bool]

  /// - Parameter incoming: the graph, reversed once for all questions.
  package init(incoming: ReferenceGraph, rooted: [Int]) {
    self.incoming = incoming
    var isRooted = [Bool](repeating: false, count: incoming.blockCount)
    for block in rooted { isRooted[block] = true }
    self.isRooted = isRooted
  }

  /// At most `limit` chains, shortest first, each from a rooted block to the given one; none if it is not reachable.
  package func paths(to block: Int, limit: Int) -> [[Int]] {
    var paths: [[Int]] = []
    // For each block met, the next one on its shortest way to the block asked for.
    var next = [Int32](repeating: -1, count: incoming.blockCount)
    var queue = [block]
    next[block] = Int32(block)
    var position = 0
    while position < queue.count, paths.count < limit {
      let current = queue[position]
      position += 1
      if isRooted[current] { paths.append(chain(from: current, to: block, along: next)) }
      for edge in incoming.positions(of: current) {
        let source = incoming.destination(at: edge)
        guard next[source] < 0 else { continue }
        next[source] = Int32(current)
        queue.append(source)
      }
    }
    return paths
  }

  private func chain(from first: Int, to last: Int, along next: [Int32]) -> [Int] {
    var chain = [first]
    var current = first
    while current != last {
      current = Int(next[current])
      chain.append(current)
    }
    return chain
  }
}
