/// What an inspection says of which blocks can still be reached, in the words of memcheck.
package struct HeapLeaks: Hashable, Sendable {
  package struct Total: Hashable, Sendable {
    package var blocks: UInt64 = 0
    /// Bytes that the program may use.
    package var bytes: UInt64 = 0
    /// Bytes that it has asked for; nil unless that is known of each block.
    package var requestedBytes: UInt64?

    package init(blocks: UInt64 = 0, bytes: UInt64 = 0, requestedBytes: UInt64? = nil) {
      self.blocks = blocks
      self.bytes = bytes
      self.requestedBytes = requestedBytes
    }

    /// Those that were asked for, where they are known.
    package var claimedBytes: UInt64 { requestedBytes ?? bytes }

    package static func + (one: Total, other: Total) -> Total {
      guard one.blocks > 0 else { return other }
      guard other.blocks > 0 else { return one }
      return Total(
        blocks: one.blocks + other.blocks, bytes: one.bytes + other.bytes,
        requestedBytes: one.requestedBytes.flatMap { own in
          other.requestedBytes.map { own + $0 }
        })
    }

    package static func += (one: inout Total, other: Total) { one = one + other }
  }

  /// A definitely lost block and all that is lost with it.
  package struct Tree: Hashable, Sendable {
    /// "ROOT LEAK" or "ROOT CYCLE".
    package var kind: String
    /// Of the first block.
    package var address: UInt64
    /// The first block, which is lost definitely.
    package var head: Total
    /// The others, which are lost indirectly.
    package var rest: Total
    /// Of the first block, if a program gave it one.
    package var type: String?
    /// What allocated the first block, if that was seen.
    package var origin: LeakOrigin?

    package init(
      kind: String, address: UInt64, head: Total, rest: Total = Total(), type: String? = nil,
      origin: LeakOrigin? = nil
    ) {
      self.kind = kind
      self.address = address
      self.head = head
      self.rest = rest
      self.type = type
      self.origin = origin
    }

    package var total: Total { head + rest }
    package var isCycle: Bool { kind == "ROOT CYCLE" }
  }

  /// Blocks of one site that are not lost for sure.
  package struct Remainder: Hashable, Sendable {
    package var kind: LeakKindName
    package var total: Total
    package var origin: LeakOrigin?

    package init(kind: LeakKindName, total: Total, origin: LeakOrigin? = nil) {
      self.kind = kind
      self.total = total
      self.origin = origin
    }
  }

  package var pid: Int32
  package var definitely = Total()
  package var indirectly = Total()
  package var possibly = Total()
  package var reachable = Total()
  /// The largest first.
  package var trees: [Tree] = []
  /// Possibly lost and reachable blocks, by site, the most bytes first; empty unless asked for.
  package var remainders: [Remainder] = []
  /// What suppressions kept out of all of the above.
  package var suppressed: [SuppressedLeaks] = []

  package init(pid: Int32) { self.pid = pid }

  package subscript(kind: LeakKindName) -> Total {
    get {
      switch kind {
      case .definite: definitely
      case .indirect: indirectly
      case .possible: possibly
      case .reachable: reachable
      }
    }
    set {
      switch kind {
      case .definite: definitely = newValue
      case .indirect: indirectly = newValue
      case .possible: possibly = newValue
      case .reachable: reachable = newValue
      }
    }
  }
}
