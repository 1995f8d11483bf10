/// What a block is an object of, or looks like.
package struct BlockType: Hashable, Sendable {
  /// How that is known.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// By its table of virtual functions.
    case cplusplus = "c++"
    /// By its metadata.
    case swift
    case python
    /// Text up to a zero byte or its end.
    case string
    /// Nothing but addresses.
    case pointers
    /// Nothing but zeros.
    case zero
    /// Anything else: known by its size only.
    case size

    /// Whether its name is one that a program gave.
    package var isNominal: Bool { [.cplusplus, .swift, .python].contains(self) }
  }

  package var name: String
  package var kind: Kind

  package init(name: String, kind: Kind) {
    self.name = name
    self.kind = kind
  }
}
