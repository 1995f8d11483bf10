package import AllocationModel

/// How each block of a heap can be reached, and the trees of what is lost; what is needed to report that when the image
/// is gone.
package struct HeapLosses: Sendable {
  package let pid: Int32
  /// Ascending by address.
  package let blocks: [HeapBlock]
  private let kinds: [LeakKind]
  private let trees: [LeakTree]
  /// Of each lost block the first block of its tree; −1 for others.
  private let heads: [Int32]
  /// Of the first blocks of trees, where a program gave them one.
  private let types: [Int: String]

  package init(of survey: HeapSurvey) {
    let references = survey.references
    let kinds = references.leakKinds
    var heads = [Int32](repeating: -1, count: survey.walk.blocks.count)
    pid = survey.image.pid
    blocks = survey.walk.blocks
    trees = LeakTree.trees(
      graph: references.graph, kinds: kinds, byteCounts: survey.walk.blocks.map(\.byteCount)
    ) { heads[$1] = Int32($0) }
    self.kinds = kinds.kinds
    self.heads = heads
    types = Dictionary(
      uniqueKeysWithValues: trees.compactMap { tree in
        survey.nominalName(tree.head).map { (tree.head, $0) }
      })
  }

  /// Whether a block begins at an address.
  package func hasBlock(at address: UInt64) -> Bool {
    let position = blocks.endOfPrefix { $0.address < address }
    return position < blocks.count && blocks[position].address == address
  }

  /// What is reported of them.
  ///
  /// - Parameters:
  ///   - remainders: kinds other than lost ones that are summed up by site, too.
  ///   - unsure: addresses of blocks that may not have been there yet: they may hold others, and are not counted.
  ///   - origin: what tracing knows of the block at an address.
  package func leaks(
    remainders: Set<LeakKindName> = [], unsure: Set<UInt64> = [],
    origin: (UInt64) -> BlockOrigin? = { _ in nil }
  ) -> HeapLeaks {
    var leaks = HeapLeaks(pid: pid)
    var rests: [Int32: HeapLeaks.Total] = [:]
    var sums: [RemainderKey: HeapLeaks.Total] = [:]
    var headTotals: [Int32: (total: HeapLeaks.Total, origin: BlockOrigin?)] = [:]
    for (number, block) in blocks.enumerated() where !unsure.contains(block.address) {
      let found = origin(block.address)
      let total = HeapLeaks.Total(
        blocks: 1, bytes: block.byteCount, requestedBytes: found?.requestedByteCount)
      let kind = LeakKindName(kinds[number])
      leaks[kind] += total
      switch kind {
      case .definite: headTotals[Int32(number)] = (total, found)
      case .indirect: rests[heads[number], default: HeapLeaks.Total()] += total
      case .possible, .reachable:
        guard remainders.contains(kind) else { continue }
        sums[RemainderKey(kind: kind, site: found?.site), default: HeapLeaks.Total()] += total
      }
    }
    leaks.trees = trees.lazy.filter { !unsure.contains(blocks[$0.head].address) }.map { tree in
      let head = headTotals[Int32(tree.head)]
      return HeapLeaks.Tree(
        kind: tree.kind.rawValue, address: blocks[tree.head].address,
        head: head?.total ?? HeapLeaks.Total(),
        rest: rests[Int32(tree.head)] ?? HeapLeaks.Total(), type: types[tree.head],
        origin: (head?.origin).map { LeakOrigin(site: $0.site) })
    }
    leaks.remainders = sums.map { key, total in
      HeapLeaks.Remainder(
        kind: key.kind, total: total, origin: key.site.map { LeakOrigin(site: $0) })
    }
    return leaks
  }

  private struct RemainderKey: Hashable {
    var kind: LeakKindName
    var site: SiteID?
  }
}

extension LeakKindName {
  fileprivate init(_ kind: LeakKind) {
    self =
      switch kind {
      case .definitely: .definite
      case .indirectly: .indirect
      case .possibly: .possible
      case .reachable: .reachable
      }
  }
}
