/// Lost blocks that reach each other, by Tarjan's algorithm without recursion, and which of these components nothing
/// outside points to.
struct LostComponents {
  /// For each block: the lowest block of its component if nothing outside points to the component, which is the one
  /// that memcheck calls definitely lost; −1 for blocks that are not lost; `held` for blocks below another component.
  private(set) var heads: [Int]
  /// Heads of components that reference themselves.
  private(set) var cycles: Set<Int> = []

  /// Stands for no head.
  static let held = Int.max

  init(graph: ReferenceGraph, kinds: [LeakKind]) {
    let components = Self.components(graph: graph, kinds: kinds)
    let count = Int(components.max() ?? -1) + 1
    var lowest = [Int](repeating: Int.max, count: count)
    var isHeld = [Bool](repeating: false, count: count)
    var isCycle = [Bool](repeating: false, count: count)
    for block in 0..<graph.blockCount where components[block] >= 0 {
      let component = Int(components[block])
      lowest[component] = min(lowest[component], block)
      for position in graph.positions(of: block) {
        let other = Int(components[graph.destination(at: position)])
        guard other >= 0 else { continue }
        if other == component { isCycle[component] = true } else { isHeld[other] = true }
      }
    }
    heads = components.map { $0 < 0 ? -1 : isHeld[Int($0)] ? Self.held : lowest[Int($0)] }
    for component in 0..<count where isCycle[component] && !isHeld[component] {
      cycles.insert(lowest[component])
    }
  }

  /// The number of the component of each lost block, −1 for others.
  private static func components(graph: ReferenceGraph, kinds: [LeakKind]) -> [Int32] {
    var components = [Int32](repeating: -1, count: graph.blockCount)
    var orders = [Int32](repeating: -1, count: graph.blockCount)
    var lows = orders
    var open: [Int] = []
    var path: [(block: Int, positions: Range<Int>)] = []
    var nextOrder: Int32 = 0
    var nextComponent: Int32 = 0
    func isLost(_ block: Int) -> Bool { kinds[block] == .definitely || kinds[block] == .indirectly }
    func enter(_ block: Int) {
      orders[block] = nextOrder
      lows[block] = nextOrder
      nextOrder += 1
      open.append(block)
      path.append((block, graph.positions(of: block)))
    }

    for start in 0..<graph.blockCount where isLost(start) && orders[start] < 0 {
      enter(start)
      while let top = path.last {
        if top.positions.isEmpty {
          path.removeLast()
          if let above = path.last { lows[above.block] = min(lows[above.block], lows[top.block]) }
          guard lows[top.block] == orders[top.block] else { continue }
          while let member = open.popLast() {
            components[member] = nextComponent
            if member == top.block { break }
          }
          nextComponent += 1
          continue
        }
        path[path.count - 1].positions = (top.positions.lowerBound + 1)..<top.positions.upperBound
        let destination = graph.destination(at: top.positions.lowerBound)
        guard isLost(destination) else { continue }
        if orders[destination] < 0 {
          enter(destination)
        } else if components[destination] < 0 {
          lows[top.block] = min(lows[top.block], orders[destination])
        }
      }
    }
    return components
  }
}
