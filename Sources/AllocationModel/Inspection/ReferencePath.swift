/// A chain of pointers from a root to a block.
package struct ReferencePath: Hashable, Sendable {
  /// One block on the way.
  package struct Hop: Hashable, Sendable {
    package var address: UInt64
    /// Bytes that the program may use.
    package var byteCount: UInt64
    package var type: String?
    /// Where in the block the pointer to it points; 0 is its first byte.
    package var entry: UInt64
    /// Where in the block the pointer to the next one stands; nil for the last.
    package var field: UInt64?

    package init(
      address: UInt64, byteCount: UInt64, type: String? = nil, entry: UInt64 = 0,
      field: UInt64? = nil
    ) {
      self.address = address
      self.byteCount = byteCount
      self.type = type
      self.entry = entry
      self.field = field
    }
  }

  package var root: RootReference
  /// From the block that the root points to, to the one that was asked for; not empty.
  package var hops: [Hop]

  package init(root: RootReference, hops: [Hop]) {
    self.root = root
    self.hops = hops
  }
}
