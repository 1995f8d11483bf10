/// Blocks by the order in which a depth-first search meets them; number 0 is a virtual root, which references the rooted
/// blocks.
///
/// Numbers take four bytes, and what is read together lies together: with millions of blocks, the time is that of waiting
/// for memory.
struct DepthFirstOrder {
  /// The block of each number; −1 stands at number 0.
  private(set) var blocks: [Int32] = [-1]
  /// The number from which each was met first.
  private var parents: [Int32] = [0]
  /// The numbers that each is referenced from, one behind the other, the virtual root left out. Each stands for itself in
  /// place of one that no root reaches.
  private var sources: [Int32] = []
  /// Where those of each number begin in `sources`; one more element than there are numbers.
  private var firstSources: [UInt32] = []
  private var isRooted: [Bool] = []

  /// Searches on one processor, while another turns the references round.
  init(graph: ReferenceGraph, rooted: [Int]) {
    enum Half {
      case search(Search)
      case reversed(ReferenceGraph)
    }
    let halves = SharedWork.results(count: 2) {
      $0 == 0 ? Half.search(Search(graph, rooted)) : Half.reversed(graph.reversed())
    }
    guard case .search(let search) = halves[0], case .reversed(let incoming) = halves[1] else {
      preconditionFailure("results come in their order")
    }
    blocks = search.blocks
    parents = search.parents
    isRooted = [Bool](repeating: false, count: blocks.count)
    for root in rooted { isRooted[Int(search.numbers[root])] = true }
    addSources(incoming, search.numbers)
  }

  /// The search itself.
  private struct Search: Sendable {
    var blocks: [Int32] = [-1]
    var parents: [Int32] = [0]
    /// Of each block; 0 for what no root reaches.
    var numbers: [Int32]
    /// Numbers on the way, and the references of each that were not followed yet.
    private var path: [(number: Int32, next: UInt32, end: UInt32)] = []

    init(_ graph: ReferenceGraph, _ rooted: [Int]) {
      numbers = [Int32](repeating: 0, count: graph.blockCount)
      blocks.reserveCapacity(graph.blockCount + 1)
      parents.reserveCapacity(graph.blockCount + 1)
      for root in rooted where numbers[root] == 0 {
        enter(root, from: 0, graph)
        while let top = path.last {
          guard top.next < top.end else {
            path.removeLast()
            continue
          }
          path[path.count - 1].next += 1
          let block = graph.destination(at: Int(top.next))
          if numbers[block] == 0 { enter(block, from: top.number, graph) }
        }
      }
    }

    private mutating func enter(_ block: Int, from parent: Int32, _ graph: ReferenceGraph) {
      let number = Int32(blocks.count)
      numbers[block] = number
      blocks.append(Int32(block))
      parents.append(parent)
      let positions = graph.positions(of: block)
      path.append((number, UInt32(positions.lowerBound), UInt32(positions.upperBound)))
    }
  }

  /// Numbers of one part of the work.
  private static let partCount = 1 << 16

  /// Sorts references by the number that they lead to.
  ///
  /// - Parameters:
  ///   - incoming: the references, found by the block that they point into.
  ///   - numbers: of each block.
  private mutating func addSources(_ incoming: ReferenceGraph, _ numbers: [Int32]) {
    firstSources = [UInt32](repeating: 0, count: blocks.count + 1)
    for number in 1..<blocks.count {
      firstSources[number + 1] =
        firstSources[number] + UInt32(incoming.positions(of: Int(blocks[number])).count)
    }
    let blocks = blocks
    let parts = SharedWork.results(count: (blocks.count + Self.partCount - 1) / Self.partCount) {
      part in
      var sources: [Int32] = []
      for number in max(1, part * Self.partCount)..<min(blocks.count, (part + 1) * Self.partCount) {
        for position in incoming.positions(of: Int(blocks[number])) {
          let source = numbers[incoming.destination(at: position)]
          // What no root reaches holds nothing; nor does a block hold itself.
          sources.append(source == 0 ? Int32(number) : source)
        }
      }
      return sources
    }
    sources.reserveCapacity(Int(firstSources[blocks.count]))
    for part in parts { sources += part }
  }

  /// A number in the forest that grows while semidominators are found.
  private struct Link {
    /// The next one up the forest, or further up, as each look shortens the way; −1 for none.
    var ancestor: Int32
    /// The least semidominator on that way, its own included.
    var least: Int32
  }

  /// The immediate dominator of each number, which is a number too.
  func dominators() -> [Int32] {
    let count = blocks.count
    // Until its turn comes, each stands for itself, also where the virtual root references it.
    var links = (0..<Int32(count)).map { Link(ancestor: -1, least: $0) }
    var path: [Int32] = []
    var semidominators = [Int32](repeating: 0, count: count)
    for number in stride(from: count - 1, to: 0, by: -1) {
      var least = isRooted[number] ? 0 : parents[number]
      for position in Int(firstSources[number])..<Int(firstSources[number + 1]) {
        least = min(least, Self.least(from: Int(sources[position]), &links, &path))
      }
      semidominators[number] = least
      links[number] = Link(ancestor: parents[number], least: least)
    }
    var dominators = parents
    for number in 1..<count {
      var dominator = dominators[number]
      while dominator > semidominators[number] { dominator = dominators[Int(dominator)] }
      dominators[number] = dominator
    }
    return dominators
  }

  /// The least semidominator on the way up the forest.
  ///
  /// - Parameter path: room for numbers, empty.
  private static func least(
    from number: Int, _ links: inout [Link], _ path: inout [Int32]
  ) -> Int32 {
    guard links[number].ancestor >= 0 else { return links[number].least }
    var current = number
    var above = Int(links[current].ancestor)
    while links[above].ancestor >= 0 {
      path.append(Int32(current))
      current = above
      above = Int(links[current].ancestor)
    }
    while let node = path.popLast() {
      let above = links[Int(links[Int(node)].ancestor)]
      links[Int(node)].least = min(links[Int(node)].least, above.least)
      links[Int(node)].ancestor = above.ancestor
    }
    return links[number].least
  }
}
