/// What holds one block.
package struct BlockReferences: Hashable, Sendable {
  package var pid: Int32
  /// What was asked for: of the block or within.
  package var address: UInt64
  /// The block with that address.
  package var block: ReferencePath.Hop
  /// The shortest first; none if nothing reaches it.
  package var paths: [ReferencePath]
  /// Bytes that could be freed if this block were: its own and those of all that is reached only through it; 0 where it is
  /// not reached itself.
  package var retainedByteCount: UInt64

  package init(
    pid: Int32, address: UInt64, block: ReferencePath.Hop, paths: [ReferencePath],
    retainedByteCount: UInt64
  ) {
    self.pid = pid
    self.address = address
    self.block = block
    self.paths = paths
    self.retainedByteCount = retainedByteCount
  }
}
