/// The dominators of all blocks, with a node for each place that holds some: one variable may have many pointers, and
/// what only it holds is held by it.
struct RootedDominators {
  let tree: DominatorTree
  /// The places, each by one of its roots; the node of the first is behind the last block.
  let places: [HeapRoot]
  let blockCount: Int

  init(_ survey: HeapSurvey, _ rooted: RootedBlocks) {
    blockCount = survey.walk.blocks.count
    var numbers: [RootNaming.Place: Int] = [:]
    var places: [HeapRoot] = []
    var blocksByPlace: [[Int32]] = []
    for root in rooted.roots {
      let place = survey.naming.place(of: root)
      let number: Int
      if let known = numbers[place] {
        number = known
      } else {
        number = places.count
        numbers[place] = number
        places.append(root)
        blocksByPlace.append([])
      }
      if blocksByPlace[number].last != root.block { blocksByPlace[number].append(root.block) }
    }
    var rows = ReferenceRows()
    for blocks in blocksByPlace {
      for block in blocks { rows.add(Int(block), isToStart: true) }
      rows.endBlock()
    }
    tree = DominatorTree(
      graph: survey.references.graph.extended(by: rows),
      rooted: Array(blockCount..<blockCount + places.count),
      byteCounts: survey.byteCounts + [UInt64](repeating: 0, count: places.count))
    self.places = places
  }
}
