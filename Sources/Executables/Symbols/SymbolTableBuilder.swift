/// Collects the functions of one module, from as many sources as there are, into a `SymbolTable`.
package struct SymbolTableBuilder {
  /// One function; the name is in the builder's buffer.
  struct Function {
    var start: UInt64
    /// Address behind the last byte, > `start`.
    var end: UInt64
    var nameOffset: UInt32
    var hasNoSize: Bool
    var binding: FunctionSymbol.Binding
  }

  /// Bounds the memory that a hostile file can take while its table is made.
  private static let functionLimit = 16 << 20
  private static let nameByteLimit = 1 << 30

  private var functions: [Function] = []
  private var names: [UInt8] = []
  /// Functions that found no room, ≥ 0.
  package private(set) var droppedCount = 0

  package init() {}

  /// Adds the functions that an ELF file defines.
  package mutating func add(_ file: borrowing ELFFile) {
    file.forEachFunction { name, entry in
      insert(name, address: entry.address, byteCount: entry.byteCount, binding: entry.binding)
    }
  }

  /// Adds one function at a virtual address of the module; `byteCount` 0 means unknown.
  package mutating func insert(
    _ name: String,
    address: UInt64,
    byteCount: UInt64,
    binding: FunctionSymbol.Binding = .global
  ) {
    insert(Array(name.utf8).span, address: address, byteCount: byteCount, binding: binding)
  }

  mutating func insert(
    _ name: Span<UInt8>,
    address: UInt64,
    byteCount: UInt64,
    binding: FunctionSymbol.Binding
  ) {
    guard functions.count < Self.functionLimit, names.count + name.count < Self.nameByteLimit else {
      droppedCount += 1
      return
    }
    // A piece's length has 32 bits; no function is longer, and a shorter claim names nothing wrongly.
    let length = min(max(byteCount, 1), UInt64(UInt32.max))
    let (end, overflow) = address.addingReportingOverflow(length)
    guard !overflow else { return }
    functions.append(
      Function(
        start: address,
        end: end,
        nameOffset: UInt32(names.count),
        hasNoSize: byteCount == 0,
        binding: binding
      )
    )
    for index in 0..<name.count { names.append(name[index]) }
    names.append(0)
  }

  package consuming func build() -> SymbolTable {
    let order = SymbolOrder(names: names)
    functions.sort { order.precedes($0, $1) }
    return SymbolTable(functions, names: names)
  }
}

/// Sorts functions by start; of those with the same start the best name comes last, where it wins.
///
/// glibc's `malloc` is also `__libc_malloc` and `__GI___libc_malloc`; people know the first. Better is, in
/// this order: a size, exported, no leading underscore, not weak, fewer underscores, shorter, and at last
/// the alphabet, so that the choice is the same in every run.
private struct SymbolOrder {
  let names: [UInt8]

  func precedes(_ a: SymbolTableBuilder.Function, _ b: SymbolTableBuilder.Function) -> Bool {
    if a.start != b.start { return a.start < b.start }
    let (first, second) = (rank(a), rank(b))
    if first != second {
      return second.lexicographicallyPrecedes(first)
    }
    if a.end != b.end { return a.end < b.end }
    return name(b).lexicographicallyPrecedes(name(a))
  }

  /// Lower is better.
  private func rank(_ function: SymbolTableBuilder.Function) -> [Int] {
    let name = name(function)
    let underscores = name.prefix { $0 == UInt8(ascii: "_") }.count
    return [
      function.hasNoSize ? 1 : 0, function.binding == .local ? 1 : 0, underscores > 0 ? 1 : 0,
      function.binding == .weak ? 1 : 0, underscores, name.count,
    ]
  }

  private func name(_ function: SymbolTableBuilder.Function) -> ArraySlice<UInt8> {
    names[Int(function.nameOffset)...].prefix { $0 != 0 }
  }
}
