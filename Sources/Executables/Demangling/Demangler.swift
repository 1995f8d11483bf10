import CDemangle

/// Turns the symbols of C++, Rust and Swift into what people wrote.
///
/// Symbols come from other people's files. Their length, the length of the result and the depth of nesting are
/// bounded; time is bounded only by that, so hostile ones are best read in a process that may be killed.
package struct Demangler: Sendable {
  /// Bytes of a symbol that is still read, and of what it may become.
  package static let symbolByteLimit = 16 << 10
  package static let nameByteLimit = 32 << 10

  package init() {}

  /// The readable form; the symbol itself where it is none of those languages', or can't be read.
  package func name(of symbol: String) -> String {
    readable(symbol) ?? symbol
  }

  /// Whether a symbol looks like one that has a readable form.
  static func isMangled(_ symbol: String) -> Bool {
    symbol.hasPrefix("_Z") || symbol.hasPrefix("_R") || symbol.hasPrefix("___Z")
      || swiftPrefixes.contains(where: symbol.hasPrefix)
  }

  private func readable(_ symbol: String) -> String? {
    guard symbol.utf8.count <= Self.symbolByteLimit else { return nil }
    if symbol.hasPrefix("_R") { return run { cdemangle_rust(symbol, $0, $1) } }
    if symbol.hasPrefix("_Z") || symbol.hasPrefix("___Z") {
      // Rust's older symbols are C++ symbols with a hash at the end, which only its own demangler knows to drop.
      return run { cdemangle_rust(symbol, $0, $1) } ?? run { cdemangle_cplusplus(symbol, $0, $1) }
    }
    if Self.swiftPrefixes.contains(where: symbol.hasPrefix) {
      return run { cdemangle_swift(symbol, symbol.utf8.count, $0, $1) }
    }
    return nil
  }

  /// Swift 5 and later, 4.x, and what its runtime still exports of older ones.
  private static let swiftPrefixes = ["$s", "_$s", "$S", "_$S", "_T0", "@__swiftmacro_"]

  private func run(_ demangle: (UnsafeMutablePointer<CChar>, Int) -> Bool) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.nameByteLimit) { buffer in
      guard let base = buffer.baseAddress, demangle(base, buffer.count) else { return nil }
      return String(cString: base)
    }
  }
}
