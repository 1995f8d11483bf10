/// One call at an address, as debug information tells it.
///
/// An address has one call for the function whose code it is, and before it one for each call that the compiler merged
/// into that function there, innermost first.
package struct SourceCall: Hashable, Sendable {
  /// Readable, not mangled.
  package var function: String?
  /// Path as the compiler was given it, made absolute where its folder is known.
  package var file: String?
  /// ≥ 1.
  package var line: Int?

  package init(function: String? = nil, file: String? = nil, line: Int? = nil) {
    self.function = function
    self.file = file
    self.line = line
  }
}
