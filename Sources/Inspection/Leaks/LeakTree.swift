/// One definitely lost block and all that is lost with it, as Apple's `leaks` names them.
package struct LeakTree: Hashable, Sendable {
  package enum Kind: String, Sendable {
    case leak = "ROOT LEAK"
    /// The head is part of a cycle, or references itself.
    case cycle = "ROOT CYCLE"
  }

  package var kind: Kind
  package var head: Int
  /// Including the head. A block below two heads belongs to the lower of them, so that trees sum to what is lost.
  package var blockCount: Int
  package var byteCount: UInt64

  package init(kind: Kind, head: Int, blockCount: Int, byteCount: UInt64) {
    self.kind = kind
    self.head = head
    self.blockCount = blockCount
    self.byteCount = byteCount
  }

  /// Trees of a classified heap, the largest first; of equal size, by head.
  ///
  /// - Parameter visit: gets each block of each tree.
  package static func trees(
    graph: ReferenceGraph, kinds: LeakKinds, byteCounts: [UInt64],
    visit: (_ head: Int, _ block: Int) -> Void = { _, _ in }
  ) -> [LeakTree] {
    var isTaken = [Bool](repeating: false, count: graph.blockCount)
    var trees: [LeakTree] = []
    for head in 0..<graph.blockCount where kinds.kinds[head] == .definitely {
      var tree = LeakTree(
        kind: kinds.cycles.contains(head) ? .cycle : .leak, head: head, blockCount: 0, byteCount: 0)
      var queue = [head]
      isTaken[head] = true
      while let block = queue.popLast() {
        visit(head, block)
        tree.blockCount += 1
        tree.byteCount += byteCounts[block]
        for position in graph.positions(of: block) {
          let below = graph.destination(at: position)
          guard !isTaken[below], kinds.kinds[below] == .indirectly else { continue }
          isTaken[below] = true
          queue.append(below)
        }
      }
      trees.append(tree)
    }
    return trees.sorted { ($0.byteCount, $1.head) > ($1.byteCount, $0.head) }
  }
}
