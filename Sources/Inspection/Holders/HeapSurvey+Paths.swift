package import AllocationModel

extension HeapSurvey {
  /// What holds the block at an address; nil where there is none.
  ///
  /// - Parameters:
  ///   - limit: paths at most.
  ///   - excluded: kinds of roots that do not count.
  package func references(
    to address: UInt64, limit: Int, without excluded: Set<RootReference.Kind> = []
  ) -> BlockReferences? {
    guard let block = block(at: address) else { return nil }
    let rooted = roots(without: excluded)
    return BlockReferences(
      pid: image.pid, address: address, block: hop(block),
      paths: paths(to: block, limit: limit, from: rooted),
      // Two searches are much cheaper than the dominators of all.
      retainedByteCount: retainedByteCount(of: [block], rooted))
  }

  /// The shortest chains to a block, one for each variable, stack or other place that holds the first of its blocks.
  package func paths(
    to block: Int, limit: Int, from rooted: RootedBlocks
  ) -> [ReferencePath] {
    let chains = RootPaths(incoming: incoming, rooted: rooted.blocks)
      .paths(to: block, limit: limit)
    var paths: [ReferencePath] = []
    for chain in chains {
      for root in distinctRoots(rooted.roots(of: chain[0])) where paths.count < limit {
        paths.append(path(along: chain, from: root))
      }
    }
    return paths
  }

  /// One root of each place, those that last longest first, and addresses of the block before those within.
  private func distinctRoots(_ roots: ArraySlice<HeapRoot>) -> [HeapRoot] {
    // A block that a table of a million entries holds has a million roots of one place.
    let sample = roots.prefix(256).map { (root: $0, place: naming.place(of: $0)) }.sorted {
      ($0.place.kind, $0.root.isToStart ? 0 : 1) < ($1.place.kind, $1.root.isToStart ? 0 : 1)
    }
    var seen: Set<RootNaming.Place> = []
    return sample.filter { seen.insert($0.place).inserted }.map(\.root)
  }

  func path(along chain: [Int], from root: HeapRoot) -> ReferencePath {
    var hops: [ReferencePath.Hop] = []
    var entry = entry(of: root)
    for (position, block) in chain.enumerated() {
      guard position + 1 < chain.count else {
        hops.append(hop(block, entry: entry))
        break
      }
      let field = fields(of: block, to: chain[position + 1]).first
      hops.append(hop(block, entry: entry, field: field?.offset))
      entry = field?.entry ?? 0
    }
    return ReferencePath(root: reference(root), hops: hops)
  }
}
