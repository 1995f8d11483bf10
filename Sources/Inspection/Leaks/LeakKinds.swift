/// How a block can still be reached, in the words of memcheck's manual (section 4.2.8, memory leak detection).
package enum LeakKind: UInt8, Sendable, CaseIterable {
  /// Nothing points to it.
  case definitely
  /// Only blocks that are lost themselves point to it.
  case indirectly
  /// Every chain from the roots has a pointer into the middle of a block in it.
  case possibly
  /// A chain of pointers to the starts of blocks leads to it from a root.
  case reachable
}

/// The kind of each block, and the trees of what is lost. One byte a block.
package struct LeakKinds: Sendable {
  package private(set) var kinds: [LeakKind]

  /// - Parameters:
  ///   - startRooted: blocks to whose first byte a root points.
  ///   - interiorRooted: blocks into whose middle a root points.
  package init(graph: ReferenceGraph, startRooted: [Int], interiorRooted: [Int]) {
    kinds = [LeakKind](repeating: .definitely, count: graph.blockCount)
    var queue = mark(startRooted, as: .reachable)
    var interior = interiorRooted
    while let block = queue.popLast() {
      for position in graph.positions(of: block) {
        let destination = graph.destination(at: position)
        if !graph.isToStart(at: position) {
          interior.append(destination)
        } else if kinds[destination] != .reachable {
          kinds[destination] = .reachable
          queue.append(destination)
        }
      }
    }
    queue = mark(interior, as: .possibly)
    while let block = queue.popLast() {
      for position in graph.positions(of: block) {
        let destination = graph.destination(at: position)
        guard kinds[destination] == .definitely else { continue }
        kinds[destination] = .possibly
        queue.append(destination)
      }
    }
    for (block, head) in LostComponents(graph: graph, kinds: kinds).heads.enumerated()
    where head >= 0 && head != block {
      kinds[block] = .indirectly
    }
  }

  /// Marks those blocks that have no kind yet, and returns them.
  private mutating func mark(_ blocks: [Int], as kind: LeakKind) -> [Int] {
    var marked: [Int] = []
    for block in blocks where kinds[block] == .definitely {
      kinds[block] = kind
      marked.append(block)
    }
    return marked
  }
}
