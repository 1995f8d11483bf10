import AllocationModel

/// Knows the objects of one language by what their blocks contain.
///
/// CPython, whose objects have their type at the second word or the fourth, would be one more.
protocol BlockTyper {
  var kind: BlockType.Kind { get }

  /// What a block is an object of, as it is called in the program; nil for nothing that it knows.
  ///
  /// - Parameter contents: the block's bytes, at least eight.
  mutating func typeName(of contents: RawSpan) -> String?
}
