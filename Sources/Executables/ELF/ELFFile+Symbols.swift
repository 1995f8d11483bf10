import CElfutils

extension ELFFile {
  /// What a symbol table says of one function; the name is apart, as bytes.
  struct FunctionEntry {
    var address: UInt64
    var byteCount: UInt64
    var binding: FunctionSymbol.Binding
    var isIndirect: Bool
    var isDefaultVersion: Bool
  }

  /// Bytes of a table that is still read.
  ///
  /// Chromium's `.symtab` has some 50 MB, its names some 300 MB.
  private static let tableByteLimit: UInt64 = 512 << 20
  /// Bytes of one name, and of all names together: a hostile table can name one long string a million
  /// times.
  private static let nameByteLimit = 64 << 10
  private static let totalNameByteLimit = 512 << 20

  /// Calls `body` with every function that `.symtab` and `.dynsym` define.
  ///
  /// The name is without version. A function in both tables is seen twice.
  borrowing func forEachFunction(_ body: (_ name: Span<UInt8>, FunctionEntry) -> Void) {
    forEachSymbol(of: [STT_FUNC, STT_GNU_IFUNC], body)
  }

  /// Like `forEachFunction`, for symbols of other types, `STT_…` of elf.h.
  borrowing func forEachSymbol(
    of types: Set<Int32>, _ body: (_ name: Span<UInt8>, FunctionEntry) -> Void
  ) {
    guard type != .other else { return }
    let sections = handle.sectionHeaders()
    for wanted in [SHT_SYMTAB, SHT_DYNSYM] {
      guard let table = sections.first(where: { $0.header.sh_type == UInt32(wanted) }),
        let symbols = handle.data(table, limit: Self.tableByteLimit),
        let link = elf_getscn(handle.elf, Int(table.header.sh_link)),
        let names = handle.strings(link, limit: Self.tableByteLimit)
      else { continue }
      let versions = sections.first { $0.header.sh_type == UInt32(SHT_GNU_versym) }
        .flatMap { handle.data($0, limit: Self.tableByteLimit) }
      let reader = SymbolReader(
        symbols: symbols,
        names: names,
        versions: wanted == SHT_DYNSYM ? versions : nil,
        types: types
      )
      reader.forEachFunction(
        entryByteCount: gelf_fsize(handle.elf, ELF_T_SYM, 1, UInt32(EV_CURRENT)),
        nameByteLimit: Self.nameByteLimit,
        totalNameByteLimit: Self.totalNameByteLimit,
        body
      )
    }
  }

  /// The function of that name, or nil; of several, an exported one of the version that programs are
  /// linked with today.
  package borrowing func functionSymbol(named name: String) -> FunctionSymbol? {
    functionSymbols(named: [name])[name]
  }

  /// The virtual address of the variable of that name, nil where the file defines none.
  package borrowing func variableAddress(named name: String) -> UInt64? {
    var found: UInt64?
    forEachSymbol(of: [STT_OBJECT]) { bytes, entry in
      if name.utf8.elementsEqual(bytes) { found = entry.address }
    }
    return found
  }

  /// The functions of those names in one pass over the symbols.
  ///
  /// Names that are not defined are absent.
  package borrowing func functionSymbols(
    named names: some Sequence<String>
  ) -> [String: FunctionSymbol] {
    let namesByLength = Dictionary(grouping: names) { $0.utf8.count }
    let segments = segments
    var found: [String: FunctionSymbol] = [:]
    forEachFunction { bytes, entry in
      guard let candidates = namesByLength[bytes.count],
        let name = candidates.first(where: { $0.utf8.elementsEqual(bytes) })
      else { return }
      let symbol = FunctionSymbol(
        name: name,
        address: entry.address,
        byteCount: entry.byteCount,
        binding: entry.binding,
        isIndirect: entry.isIndirect,
        isDefaultVersion: entry.isDefaultVersion,
        fileOffset: segments.fileOffset(ofAddress: entry.address)
      )
      if let other = found[name], !symbol.isPreferred(to: other) { return }
      found[name] = symbol
    }
    return found
  }
}

extension FunctionSymbol {
  fileprivate func isPreferred(to other: Self) -> Bool {
    func rank(_ symbol: Self) -> (Int, Int, UInt64) {
      (
        symbol.isDefaultVersion ? 0 : 1, symbol.binding == .local ? 1 : 0,
        symbol.byteCount == 0 ? 1 : 0
      )
    }
    return rank(self) < rank(other)
  }
}

extension String.UTF8View {
  fileprivate func elementsEqual(_ bytes: Span<UInt8>) -> Bool {
    var index = 0
    for byte in self {
      guard index < bytes.count, bytes[index] == byte else { return false }
      index += 1
    }
    return index == bytes.count
  }
}
