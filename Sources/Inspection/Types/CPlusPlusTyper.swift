import AllocationModel

/// Knows objects of C++ classes with virtual functions, without symbols.
///
/// The first word of such an object points into a table of virtual functions; before that stand the distance to the
/// start of the object, which is 0 there, and the address of the class's `std::type_info` (Itanium C++ ABI 2.5.2). A
/// `type_info` of a class is itself an object, of one of three classes of the C++ library, whose own names are known
/// (2.9.4); its second word is the class's mangled name.
struct CPlusPlusTyper: BlockTyper {
  let kind = BlockType.Kind.cplusplus

  private static let classTypeNames: Set<String> = [
    "N10__cxxabiv117__class_type_infoE", "N10__cxxabiv120__si_class_type_infoE",
    "N10__cxxabiv121__vmi_class_type_infoE",
  ]

  private let memory: StaticMemory
  private var namesByTable: [UInt64: String?] = [:]
  private var isClassTable: [UInt64: Bool] = [:]

  init(_ memory: StaticMemory) {
    self.memory = memory
  }

  /// The symbol of the class's `type_info` name: `_ZTS` and the mangled name; with `[]` behind it for an array.
  mutating func typeName(of contents: RawSpan) -> String? {
    let first = contents.word(at: 0)
    if let name = className(first) { return name }
    // new[] of a class with a destructor stores the number of elements before the first (2.7).
    guard contents.byteCount >= 16, first > 0, first <= UInt64(contents.byteCount - 8) / 8,
      let name = className(contents.word(at: 8))
    else { return nil }
    return name + "[]"
  }

  private mutating func className(_ table: UInt64) -> String? {
    // What is not remembered is told at once: most words are something else.
    guard table % 8 == 0, table > 4096, memory.isStatic(table) else { return nil }
    if let known = namesByTable[table] { return known }
    let name = readName(table)
    namesByTable[table] = .some(name)
    return name
  }

  private mutating func readName(_ table: UInt64) -> String? {
    guard memory.word(at: table - 16) == 0, let type = memory.word(at: table - 8), type != 0,
      type % 8 == 0, let typeTable = memory.word(at: type), isTableOfClassTypes(typeTable),
      let name = memory.word(at: type &+ 8).flatMap({ memory.text(at: $0, limit: 1 << 14) })
    else { return nil }
    // A star marks names that are unique by address only.
    return "_ZTS" + (name.hasPrefix("*") ? name.dropFirst() : name[...])
  }

  private mutating func isTableOfClassTypes(_ table: UInt64) -> Bool {
    if let known = isClassTable[table] { return known }
    var isOne = false
    if table % 8 == 0, table > 4096, memory.word(at: table - 16) == 0,
      let type = memory.word(at: table - 8),
      let name = memory.word(at: type &+ 8).flatMap({ memory.text(at: $0) })
    {
      isOne = Self.classTypeNames.contains(name)
    }
    isClassTable[table] = isOne
    return isOne
  }

  /// `typeinfo name for ns::Node` without what comes before the class.
  static func readable(_ name: String) -> String {
    let prefix = "typeinfo name for "
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }
}
