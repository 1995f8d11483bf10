/// A shortest chain to every block from the place that is nearest to it; of equally near ones, from the one that lasts
/// longest.
struct NearestRoots {
  /// For each block: the block before it, itself for a first one, −1 where no root reaches it.
  private var parents: [Int32]
  private var places: [Int32]
  /// Blocks before it.
  private var depths: [Int32]
  private var rootsByBlock: [Int: HeapRoot] = [:]

  init(_ survey: HeapSurvey, _ rooted: RootedBlocks) {
    let graph = survey.references.graph
    parents = [Int32](repeating: -1, count: graph.blockCount)
    places = parents
    depths = parents
    var numbers: [RootNaming.Place: Int32] = [:]
    let placed = rooted.roots.map { (root: $0, place: survey.naming.place(of: $0)) }
      .sorted { ($0.place.kind, $0.root.block) < ($1.place.kind, $1.root.block) }
    var queue: [Int] = []
    for (root, place) in placed where parents[Int(root.block)] < 0 {
      let number = numbers[place] ?? Int32(numbers.count)
      numbers[place] = number
      parents[Int(root.block)] = root.block
      places[Int(root.block)] = number
      depths[Int(root.block)] = 0
      rootsByBlock[Int(root.block)] = root
      queue.append(Int(root.block))
    }
    var position = 0
    while position < queue.count {
      let block = queue[position]
      position += 1
      for edge in graph.positions(of: block) {
        let destination = graph.destination(at: edge)
        guard parents[destination] < 0 else { continue }
        parents[destination] = Int32(block)
        places[destination] = places[block]
        depths[destination] = depths[block] + 1
        queue.append(destination)
      }
    }
  }

  /// The number of the place that a block is nearest to; −1 for none.
  func place(of block: Int) -> Int { Int(places[block]) }

  /// The number of blocks before one on the way from its nearest root.
  func depth(of block: Int) -> Int { Int(depths[block]) }

  /// From the block that a root points to.
  func chain(to block: Int) -> [Int] {
    var chain = [block]
    var current = block
    while Int(parents[current]) != current {
      current = Int(parents[current])
      chain.append(current)
    }
    return chain.reversed()
  }

  /// The root of a chain's first block.
  func root(of block: Int) -> HeapRoot {
    guard let root = rootsByBlock[block] else { preconditionFailure("a chain begins at a root") }
    return root
  }
}
