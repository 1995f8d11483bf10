package import Executables
package import Processes

/// Tells the kernel programs what code processes run, so that they can unwind stacks in it.
package final class CodeRegistry {
  /// What is kept of an executable file.
  private struct Code {
    var identity: FileIdentity
    var segments: LoadSegments
    var names: ELFFile.DynamicNames
    var interpreter: String?
  }

  /// A table as the kernel programs have it.
  private struct KernelTable {
    var textStart: UInt64
    /// nil if it is empty, or there was no room.
    var slot: UnwindTableSlot?
    var isEmpty: Bool
  }

  private let session: ProbeSession
  package let tables: UnwindTableCache
  private var kernelTables: [FileIdentity: KernelTable] = [:]
  /// Files that are no executables are remembered as nil.
  private var codeByFile: [MappedFile: Code?] = [:]

  /// - Parameter store: where tables are kept that took long to compile; nil: nowhere.
  package init(_ session: ProbeSession, store: UnwindTableStore? = nil) {
    self.session = session
    // Those in use are in the kernel; here are those that stacks are walked by which came to code too new for it.
    tables = UnwindTableCache(byteLimit: 32 << 20, store: store)
  }

  /// Makes a process that runs a target, with the code that it has now; nobody follows what it loads later.
  package func addTarget(pid: Int32) throws -> ProcessSlot {
    let slot = try session.addProcess(pid: pid)
    let directory = ProcessDirectory(pid: pid)
    let generation = session.beginReadingCode(of: slot)
    let executable = try directory.mappings().mappings.filter { $0.permissions.contains(.execute) }
    publish(executable, of: slot, in: directory, generation: generation)
    _ = try session.beginCounting(slot, pid: pid)
    return slot
  }

  /// Publishes the executable mappings of a process.
  ///
  /// - Parameter generation: of its code, from before the mappings were read.
  package func publish(
    _ mappings: [MemoryMapping], of process: ProcessSlot, in directory: ProcessDirectory,
    generation: UInt32
  ) {
    let permanent = permanentFiles(among: mappings, directory)
    let regions = mappings.compactMap { mapping -> CodeRegion? in
      // Calls return to it whose return somebody probes; the kernel programs know it.
      guard mapping.path != "[uprobes]" else { return nil }
      return CodeRegion(
        start: mapping.start, end: mapping.end, unwinding: unwinding(of: mapping, directory),
        isPermanent: mapping.path == "[vdso]" || permanent.contains(MappedFile(mapping)))
    }
    // Without room the walks end in unknown code, which is said of each stack.
    try? session.publishCode(regions, of: process, generation: generation)
  }

  private func unwinding(
    of mapping: MemoryMapping, _ directory: ProcessDirectory
  ) -> CodeRegion.Unwinding {
    if mapping.path == "[vdso]" {
      return unwinding(of: .virtualLibrary, loadedAt: mapping.start) { UnwindTable.ofVDSO() }
    }
    guard mapping.isFile else { return mapping.path == nil ? .framePointers : .none }
    guard let code = code(of: mapping, directory),
      let address = code.segments.address(ofFileOffset: mapping.fileOffset)
    else { return .none }
    return unwinding(of: code.identity, loadedAt: mapping.start &- address) {
      guard let file = try? directory.openFile(of: mapping) else { return nil }
      return try? tables.table(of: file)
    }
  }

  /// - Parameters:
  ///   - bias: what is added to the file's virtual addresses.
  ///   - table: makes the file's table, or gets it from where it is kept.
  private func unwinding(
    of identity: FileIdentity, loadedAt bias: UInt64, table: () -> UnwindTable?
  ) -> CodeRegion.Unwinding {
    let kernelTable: KernelTable
    if let known = kernelTables[identity], known.slot == session.unwindTable(of: identity) {
      kernelTable = known
    } else {
      guard let table = table() else { return .none }
      kernelTable = KernelTable(
        textStart: table.textStart,
        slot: table.isEmpty ? nil : try? session.load(table, of: identity), isEmpty: table.isEmpty)
      kernelTables[identity] = kernelTable
    }
    // Compilers that leave out all unwind information keep frame pointers: Go's, and those for embedded systems.
    if kernelTable.isEmpty { return .framePointers }
    guard let slot = kernelTable.slot else { return .none }
    return .table(slot, base: bias &+ kernelTable.textStart)
  }

  // MARK: Files

  private func code(of mapping: MemoryMapping, _ directory: ProcessDirectory) -> Code? {
    let key = MappedFile(mapping)
    if let known = codeByFile[key] { return known }
    var code: Code?
    if let file = try? directory.openFile(of: mapping), let elf = try? ELFFile(file) {
      code = Code(
        identity: elf.identity, segments: elf.segments, names: elf.dynamicNames(),
        interpreter: elf.interpreter)
    }
    if codeByFile.count > 65_536 { codeByFile = [:] }
    codeByFile[key] = code
    return code
  }

  /// The executable, its loader, and the libraries that it was linked with, directly or not: the loader keeps them
  /// until the process ends.
  private func permanentFiles(
    among mappings: [MemoryMapping], _ directory: ProcessDirectory
  ) -> Set<MappedFile> {
    let executable = try? RegularFile(opening: "\(directory.path)/exe").identity
    var links = LinkedFiles<MappedFile>()
    var roots: [MappedFile] = []
    var interpreter: String?
    for mapping in mappings where mapping.isFile {
      guard let code = code(of: mapping, directory) else { continue }
      let key = MappedFile(mapping)
      links.add(key, path: mapping.path, ownName: code.names.ownName, needed: code.names.needed)
      guard code.identity == executable else { continue }
      roots.append(key)
      interpreter = code.interpreter
    }
    if let loader = interpreter.flatMap(links.file(named:)) { roots.append(loader) }
    return links.closure(of: roots)
  }
}

extension FileIdentity {
  /// Stands for the code that the kernel maps into every process, which is in no file.
  fileprivate static let virtualLibrary = FileIdentity(
    device: 0, inode: 0, byteCount: 0, modified: 0, changed: 0)
}
