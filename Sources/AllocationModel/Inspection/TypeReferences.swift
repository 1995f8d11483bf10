/// What holds the blocks of one type.
package struct TypeReferences: Hashable, Sendable {
  /// Those blocks that are nearest to one root.
  package struct Share: Hashable, Sendable {
    /// A shortest path of them.
    package var path: ReferencePath
    package var total: HeapLeaks.Total

    package init(path: ReferencePath, total: HeapLeaks.Total) {
      self.path = path
      self.total = total
    }
  }

  package var pid: Int32
  package var type: String
  package var total: HeapLeaks.Total
  /// What of them no root reaches.
  package var unreached: HeapLeaks.Total
  /// Bytes that could be freed if all blocks of the type were.
  package var retainedByteCount: UInt64
  /// The most blocks first.
  package var shares: [Share]

  package init(
    pid: Int32, type: String, total: HeapLeaks.Total, unreached: HeapLeaks.Total,
    retainedByteCount: UInt64, shares: [Share]
  ) {
    self.pid = pid
    self.type = type
    self.total = total
    self.unreached = unreached
    self.retainedByteCount = retainedByteCount
    self.shares = shares
  }
}
