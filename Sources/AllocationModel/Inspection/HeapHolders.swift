/// Who holds most of a heap.
package struct HeapHolders: Hashable, Sendable {
  /// A root, or a block that several roots reach, and what would go with it.
  package struct Holder: Hashable, Sendable {
    /// Nil for a block.
    package var root: RootReference?
    /// Nil for a root.
    package var block: ReferencePath.Hop?
    /// Blocks that are reached only through it, its own included.
    package var retained: HeapLeaks.Total
    /// The blocks next to it that hold most of that, the largest first.
    package var largest: [Holder]

    package init(
      root: RootReference? = nil, block: ReferencePath.Hop? = nil, retained: HeapLeaks.Total,
      largest: [Holder] = []
    ) {
      self.root = root
      self.block = block
      self.retained = retained
      self.largest = largest
    }
  }

  package var pid: Int32
  /// All that is reached.
  package var total: HeapLeaks.Total
  /// The largest first.
  package var holders: [Holder]

  package init(pid: Int32, total: HeapLeaks.Total, holders: [Holder]) {
    self.pid = pid
    self.total = total
    self.holders = holders
  }
}
