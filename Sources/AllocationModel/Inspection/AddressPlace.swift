/// What is at an address of a process.
package struct AddressPlace: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// A block that the program holds.
    case live
    /// In a thread's cache or a list of the allocator, handed out again first.
    case cached
    /// In a bin of the allocator.
    case free
    /// The end of an arena, from which new blocks are cut.
    case top
    /// Headers and other structures of the allocator.
    case allocator
    case code
    case global
    case tls
    case stack
    /// Private or shared memory of no known use.
    case mapping
    case unmapped
  }

  package struct Mapping: Hashable, Sendable {
    package var start: UInt64
    package var end: UInt64
    /// As `/proc/PID/maps` has them: `rw-p`.
    package var permissions: String
    package var path: String?

    package init(start: UInt64, end: UInt64, permissions: String, path: String?) {
      self.start = start
      self.end = end
      self.permissions = permissions
      self.path = path
    }
  }

  package var pid: Int32
  package var address: UInt64
  package var kind: Kind
  /// Where what is there begins, and how long it is: a block or a free chunk; nil for all else.
  package var extent: Range<UInt64>?
  /// Of a block, if a program gave it one.
  package var type: String?
  /// What memory outside of the heap belongs to, code included.
  package var owner: RootReference?
  package var mapping: Mapping?
  /// A shortest chain that holds the block.
  package var path: ReferencePath?

  package init(
    pid: Int32, address: UInt64, kind: Kind, extent: Range<UInt64>? = nil, type: String? = nil,
    owner: RootReference? = nil, mapping: Mapping? = nil, path: ReferencePath? = nil
  ) {
    self.pid = pid
    self.address = address
    self.kind = kind
    self.extent = extent
    self.type = type
    self.owner = owner
    self.mapping = mapping
    self.path = path
  }
}
