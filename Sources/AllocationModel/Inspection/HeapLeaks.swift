/// What an inspection says of which blocks can still be reached, in the words of memcheck.
package struct HeapLeaks: Hashable, Sendable {
  package struct Total: Hashable, Sendable {
    package var blocks: UInt64 = 0
    /// Bytes that the program may use.
    package var bytes: UInt64 = 0

    package init(blocks: UInt64 = 0, bytes: UInt64 = 0) {
      self.blocks = blocks
      self.bytes = bytes
    }
  }

  /// A definitely lost block and all that is lost with it.
  package struct Tree: Hashable, Sendable {
    /// "ROOT LEAK" or "ROOT CYCLE".
    package var kind: String
    /// Of the first block.
    package var address: UInt64
    package var total: Total
    /// Of the first block, if a program gave it one.
    package var type: String?
    /// Usable bytes of the first block.
    package var headByteCount: UInt64

    package init(
      kind: String, address: UInt64, total: Total, type: String? = nil, headByteCount: UInt64 = 0
    ) {
      self.kind = kind
      self.address = address
      self.total = total
      self.type = type
      self.headByteCount = headByteCount
    }
  }

  package var pid: Int32
  package var definitely = Total()
  package var indirectly = Total()
  package var possibly = Total()
  package var reachable = Total()
  /// The largest first.
  package var trees: [Tree] = []

  package init(pid: Int32) { self.pid = pid }
}
