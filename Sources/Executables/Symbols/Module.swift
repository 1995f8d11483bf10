import LinuxSystem
import Processes
import Synchronization

/// What is kept of an executable file to name addresses in it.
///
/// Its symbols are read from the file when somebody asks for a name, and so is debug information: most modules of a
/// machine's processes are never on a stack that anybody looks at.
package final class Module: Sendable {
  /// GNU build id in lower-case hex; nil where the file has none.
  package let buildID: String?
  package let segments: LoadSegments
  /// Where its symbols and debug information are read from, if they are.
  package let file: ModuleFile?
  /// Symbols that the file is not needed for, or not any more.
  private let keptSymbols: Mutex<SymbolTable?>
  /// Symbols of this and other modules.
  private let symbolTables: FileCache<SymbolTable>?
  /// What addresses that were asked for are: far fewer than there are symbols, and asked for again and again.
  private let found = Mutex<[UInt64: SymbolTable.Symbol?]>([:])
  private static let foundLimit = 1 << 14

  package init(
    buildID: String?, segments: LoadSegments, symbols: SymbolTable, file: ModuleFile? = nil
  ) {
    self.file = file
    self.buildID = buildID
    self.segments = segments
    keptSymbols = Mutex(symbols)
    symbolTables = nil
  }

  /// Reads headers and symbols of an ELF file.
  package convenience init(reading file: borrowing ELFFile) {
    self.init(buildID: file.buildID, segments: file.segments, symbols: SymbolTable(of: file))
  }

  /// Reads headers of an ELF file, which stays open: its symbols are to be found in `symbolTables` later.
  ///
  /// - Parameters:
  ///   - path: of the file, in the mount namespace of the process that maps it.
  ///   - root: of that namespace, where it isn't this process's.
  init(
    reading file: borrowing ELFFile, path: String, root: ProcessRoot?,
    symbolTables: FileCache<SymbolTable>
  ) {
    self.file = file.kept(path: path, root: root)
    buildID = file.buildID
    segments = file.segments
    keptSymbols = Mutex(self.file == nil ? SymbolTable(of: file) : nil)
    self.symbolTables = symbolTables
  }

  /// The function at a virtual address of the module; nil where none is known.
  package func symbol(at address: UInt64) -> SymbolTable.Symbol? {
    if let known = found.withLock({ $0[address] }) { return known }
    let symbol = symbols.symbol(at: address)
    found.withLock { found in
      if found.count >= Self.foundLimit { found = [:] }
      found[address] = .some(symbol)
    }
    return symbol
  }

  /// Its functions; none where the file has been changed since.
  package var symbols: SymbolTable {
    if let kept = keptSymbols.withLock({ $0 }) { return kept }
    guard let file, let symbolTables else { return .empty }
    if let known = symbolTables.result(for: file.identity) { return (try? known.get()) ?? .empty }
    let table = file.read { SymbolTable(of: $0) } ?? .empty
    symbolTables.insert(.success(table), byteCount: table.byteCount, for: file.identity)
    return table
  }

  /// Closes its file; what is needed of it is read before that.
  func close() {
    let symbols = self.symbols
    keptSymbols.withLock { $0 = symbols }
    file?.close()
  }

  /// The unwind table of its file; nil where that is not open any more.
  func unwindTable(_ tables: UnwindTableCache) -> UnwindTable? {
    guard let file else { return nil }
    if let known = tables.known(file.identity) { return known }
    return file.reopened { try? tables.table(of: $0) }
  }

  /// Bytes of memory held, roughly, but for the symbols of its file.
  var byteCount: Int {
    512 + segments.segments.count * 32 + (keptSymbols.withLock { $0?.byteCount } ?? 0)
  }
}

extension SymbolTable {
  /// The functions that an ELF file defines.
  package init(of file: borrowing ELFFile) {
    var builder = SymbolTableBuilder()
    builder.add(file)
    self = builder.build()
  }
}

extension ELFFile {
  fileprivate borrowing func kept(path: String, root: ProcessRoot?) -> ModuleFile? {
    guard let descriptor = try? OwnedDescriptor.duplicating(handle.file.descriptor) else {
      return nil
    }
    return ModuleFile(descriptor, identity: identity, path: path, root: root)
  }
}
