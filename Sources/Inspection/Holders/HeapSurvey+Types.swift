package import AllocationModel

extension HeapSurvey {
  /// How much of the heap is of which type.
  package func census() -> TypeCensus { types.census(pid: image.pid, walk.blocks) }

  /// What holds the blocks of a type; nil where there are none.
  ///
  /// - Parameters:
  ///   - limit: roots at most.
  ///   - excluded: kinds of roots that do not count.
  package func references(
    toType name: String, limit: Int, without excluded: Set<RootReference.Kind> = []
  ) -> TypeReferences? {
    let members = walk.blocks.indices.filter { types[$0].name == name }
    guard !members.isEmpty else { return nil }
    let rooted = roots(without: excluded)
    let nearest = NearestRoots(self, rooted)
    var report = TypeReferences(
      pid: image.pid, type: name, total: total(members), unreached: HeapLeaks.Total(),
      retainedByteCount: retainedByteCount(of: members, rooted), shares: [])
    var membersByPlace: [Int: [Int]] = [:]
    for block in members {
      let place = nearest.place(of: block)
      if place < 0 {
        report.unreached.blocks += 1
        report.unreached.bytes += walk.blocks[block].byteCount
      } else {
        membersByPlace[place, default: []].append(block)
      }
    }
    let largest = membersByPlace.sorted {
      ($0.value.count, $1.key) > ($1.value.count, $0.key)
    }.prefix(max(0, limit))
    report.shares = largest.map { _, blocks in
      let first = blocks.min { nearest.depth(of: $0) < nearest.depth(of: $1) } ?? blocks[0]
      let chain = nearest.chain(to: first)
      let root = nearest.root(of: chain[0])
      return TypeReferences.Share(path: path(along: chain, from: root), total: total(blocks))
    }
    return report
  }

  private func total(_ blocks: [Int]) -> HeapLeaks.Total {
    HeapLeaks.Total(
      blocks: UInt64(blocks.count), bytes: blocks.reduce(0) { $0 + walk.blocks[$1].byteCount })
  }

  /// What is reached now, and would not be without some blocks.
  func retainedByteCount(of members: [Int], _ rooted: RootedBlocks) -> UInt64 {
    let graph = references.graph
    func reachedByteCount(isBarred: [Bool]) -> UInt64 {
      var isReached = isBarred
      var queue: [Int] = []
      var sum: UInt64 = 0
      func reach(_ block: Int) {
        guard !isReached[block] else { return }
        isReached[block] = true
        sum += walk.blocks[block].byteCount
        queue.append(block)
      }
      for block in rooted.blocks { reach(block) }
      while let block = queue.popLast() {
        for position in graph.positions(of: block) { reach(graph.destination(at: position)) }
      }
      return sum
    }
    let none = [Bool](repeating: false, count: walk.blocks.count)
    var barred = none
    for block in members { barred[block] = true }
    return reachedByteCount(isBarred: none) - reachedByteCount(isBarred: barred)
  }
}
