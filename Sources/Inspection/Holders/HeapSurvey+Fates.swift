package import AllocationModel

/// What became of some blocks that belong together.
package struct BlockFate: Hashable, Sendable {
  /// How many of them are live blocks.
  package var blocks: UInt64
  /// Those that nothing reaches, not even by way of an address within a block.
  package var unreachable: [HeapBlock]
  /// The shortest chain to one of those that are reached, from where most of them are held as far as was looked; nil where
  /// nothing holds them for certain.
  package var path: ReferencePath?
}

extension HeapSurvey {
  /// Blocks of a group that are followed back to what holds them.
  private static let followedCount = 5

  /// What became of groups of blocks, each given by their addresses; those that are no blocks any more are left out.
  package func fates(of groups: [[UInt64]]) -> [BlockFate] {
    let kinds = references.leakKinds.kinds
    let rooted = RootedBlocks(references.roots.all.filter(\.isCertain))
    let paths = RootPaths(incoming: incoming, rooted: rooted.blocks)
    return groups.map { addresses in
      var fate = BlockFate(blocks: 0, unreachable: [])
      var reached: [Int] = []
      for address in addresses {
        guard let block = block(at: address), walk.blocks[block].address == address else {
          continue
        }
        fate.blocks += 1
        if [.definitely, .indirectly].contains(kinds[block]) {
          fate.unreachable.append(walk.blocks[block])
        } else {
          reached.append(block)
        }
      }
      fate.path = commonPath(to: reached, paths, rooted)
      return fate
    }
  }

  /// The chain from the place that holds most of a few blocks, taken evenly from all.
  private func commonPath(
    to blocks: [Int], _ paths: RootPaths, _ rooted: RootedBlocks
  ) -> ReferencePath? {
    let stride = max(1, blocks.count / Self.followedCount)
    var found: [RootReference: [ReferencePath]] = [:]
    for position in Swift.stride(from: 0, to: blocks.count, by: stride).prefix(Self.followedCount) {
      guard let chain = paths.paths(to: blocks[position], limit: 1).first,
        let root = nearestRoot(of: chain[0], rooted)
      else { continue }
      var place = reference(root)
      place.offset = place.offset.map { _ in 0 }
      found[place, default: []].append(path(along: chain, from: root))
    }
    return found.max {
      ($0.value.count, $1.key.kind, $1.key.name) < ($1.value.count, $0.key.kind, $0.key.name)
    }?.value.min { $0.hops.count < $1.hops.count }
  }

  /// Of the roots of a block, one of a kind that lasts longest.
  private func nearestRoot(of block: Int, _ rooted: RootedBlocks) -> HeapRoot? {
    rooted.roots(of: block).prefix(64).min { naming.kind(of: $0) < naming.kind(of: $1) }
  }
}
