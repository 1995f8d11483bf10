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
  package let kinds: [LeakKind]
  /// Definitely lost blocks that reference themselves, if by way of others.
  let cycles: Set<Int>

  /// - Parameters:
  ///   - startRooted: blocks to whose first byte a root points.
  ///   - interiorRooted: blocks into whose middle a root points.
  package init(graph: ReferenceGraph, startRooted: [Int], interiorRooted: [Int]) {
    var kinds = [LeakKind](repeating: .definitely, count: graph.blockCount)
    var interior = interiorRooted
    graph.spread(from: Self.mark(startRooted, as: .reachable, in: &kinds)) {
      destination, isToStart in
      guard isToStart else {
        if kinds[destination] != .reachable { interior.append(destination) }
        return false
      }
      guard kinds[destination] != .reachable else { return false }
      kinds[destination] = .reachable
      return true
    }
    graph.spread(from: Self.mark(interior, as: .possibly, in: &kinds)) { destination, _ in
      guard kinds[destination] == .definitely else { return false }
      kinds[destination] = .possibly
      return true
    }
    let lost = LostComponents(graph: graph, kinds: kinds)
    for (block, head) in lost.heads.enumerated() where head >= 0 && head != block {
      kinds[block] = .indirectly
    }
    self.kinds = kinds
    cycles = lost.cycles
  }

  /// Marks those blocks that have no kind yet, and returns them.
  private static func mark(
    _ blocks: [Int], as kind: LeakKind, in kinds: inout [LeakKind]
  ) -> [Int] {
    var marked: [Int] = []
    for block in blocks where kinds[block] == .definitely {
      kinds[block] = kind
      marked.append(block)
    }
    return marked
  }
}
