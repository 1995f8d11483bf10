/// Which of the names that a function has is shown.
struct FunctionNaming {
  /// Of the symbol table, mangled.
  var symbol: String?
  private let demangler = Demangler()

  init(symbol: String?) {
    self.symbol = symbol
  }

  /// The name of the function whose code it is.
  ///
  /// Mangled names say more than `DW_AT_name`, which lacks namespaces and parameters. Where a language doesn't mangle,
  /// one function may have several symbols, of which the symbol table has chosen the one that people know: what
  /// glibc's debug information calls `__GI___libc_malloc` is `malloc`. The suffix that compilers give to parts and
  /// copies of a function (`.cold`, `.constprop.0`) is not part of its name.
  func physical(_ name: String?, linkageName: String?) -> String? {
    if let linkageName { return demangler.name(of: linkageName) }
    guard let symbol else { return name }
    let readable = demangler.name(of: symbol)
    if readable != symbol { return readable }
    return name == nil ? symbol : Self.withoutSuffix(symbol)
  }

  /// The name of a function that was merged into another.
  func inlined(_ name: String?, linkageName: String?) -> String? {
    linkageName.map(demangler.name) ?? name
  }

  static func withoutSuffix(_ symbol: String) -> String {
    guard let dot = symbol.firstIndex(of: "."), dot > symbol.startIndex else { return symbol }
    return String(symbol[..<dot])
  }
}
