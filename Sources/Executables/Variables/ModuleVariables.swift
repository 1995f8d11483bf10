/// The global and thread-local variables of one executable file, by name, and where its memory lies.
package struct ModuleVariables: Sendable {
  package let segments: LoadSegments
  /// Variables at their virtual addresses in the module.
  package let globals: SymbolTable
  /// Thread-local variables at their offsets in the module's block of thread-local storage, plus `threadLocalBase`.
  package let threadLocals: SymbolTable
  /// Size and alignment of that block (`PT_TLS`); nil where the module has none.
  package let threadLocalBlock: ThreadLocalBlock?

  package struct ThreadLocalBlock: Hashable, Sendable {
    /// Bytes.
    package var byteCount: UInt64
    /// A power of two, ≥ 1.
    package var alignment: UInt64

    package init(byteCount: UInt64, alignment: UInt64) {
      self.byteCount = byteCount
      self.alignment = alignment
    }

    /// Bytes below the thread pointer at which the block of an executable begins (ELF TLS ABI, variant II).
    package var distance: UInt64 { (byteCount &+ alignment - 1) & ~(alignment - 1) }
  }

  /// A table of symbols has no address 0, and the first variable of a block has that offset.
  package static let threadLocalBase: UInt64 = 1 << 32

  package init(
    segments: LoadSegments, globals: SymbolTable, threadLocals: SymbolTable,
    threadLocalBlock: ThreadLocalBlock?
  ) {
    self.segments = segments
    self.globals = globals
    self.threadLocals = threadLocals
    self.threadLocalBlock = threadLocalBlock
  }

  /// Reads the symbols of an ELF file.
  package init(reading file: borrowing ELFFile) {
    segments = file.segments
    threadLocalBlock = file.threadLocalBlock
    var globals = SymbolTableBuilder()
    var threadLocals = SymbolTableBuilder()
    file.forEachVariable { name, entry, isThreadLocal in
      if isThreadLocal {
        threadLocals.insert(
          name, address: entry.address &+ Self.threadLocalBase, byteCount: entry.byteCount,
          binding: entry.binding)
      } else {
        globals.insert(
          name, address: entry.address, byteCount: entry.byteCount, binding: entry.binding)
      }
    }
    self.globals = globals.build()
    self.threadLocals = threadLocals.build()
  }

  /// The thread-local variable at an offset in the module's block.
  package func threadLocal(at offset: UInt64) -> SymbolTable.Symbol? {
    guard var symbol = threadLocals.symbol(at: offset &+ Self.threadLocalBase) else { return nil }
    symbol.start &-= Self.threadLocalBase
    return symbol
  }
}
