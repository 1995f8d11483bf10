/// A word outside of the heap that holds a block, as people know it.
package struct RootReference: Hashable, Sendable {
  /// In the order in which they are worth telling: the first ones last longest.
  package enum Kind: String, Hashable, Sendable, CaseIterable, Comparable {
    /// A variable of a module, or its read-only data.
    case global
    /// A thread-local variable, or what the C library keeps for a thread, such as the values of pthread keys.
    case tls
    case stack
    case register
    /// Private memory that is neither a module's nor a heap's nor a thread's.
    case mapping

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    package static func < (one: Kind, other: Kind) -> Bool { one.rank < other.rank }
  }

  /// The thread that has it.
  package struct Thread: Hashable, Sendable {
    package var tid: Int32
    package var name: String?

    package init(tid: Int32, name: String?) {
      self.tid = tid
      self.name = name
    }
  }

  package var kind: Kind
  /// What it belongs to: `module!symbol`, `module` where the symbol is not known, `pthread key 3`, `rbx`, `sp`, `[anon]`.
  package var owner: String
  /// Bytes from there; nil where the owner is all of it.
  package var offset: UInt64?
  package var thread: Thread?

  package init(kind: Kind, owner: String, offset: UInt64?, thread: Thread? = nil) {
    self.kind = kind
    self.owner = owner
    self.offset = offset
    self.thread = thread
  }

  /// Such as `app!cache+0x10`, `app+0x4010`, `sp+0x48`, `rbx`.
  package var name: String {
    guard let offset, offset > 0 else { return owner }
    return "\(owner)+\(Figure.hexadecimal(offset))"
  }
}
