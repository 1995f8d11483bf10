import Executables
package import Processes

/// Tells the kernel programs what code processes run, so that they can unwind stacks in it.
package final class CodeRegistry {
  /// A mapped file, told apart without opening it.
  private struct FileKey: Hashable {
    var deviceMajor: UInt32
    var deviceMinor: UInt32
    var inode: UInt64

    init(_ mapping: MemoryMapping) {
      deviceMajor = mapping.deviceMajor
      deviceMinor = mapping.deviceMinor
      inode = mapping.inode
    }
  }

  /// What is kept of an executable file.
  private struct Code {
    var identity: FileIdentity
    var segments: LoadSegments
    var names: ELFFile.DynamicNames
    var interpreter: String?
  }

  private let session: ProbeSession
  private var tables: [FileIdentity: UnwindTable] = [:]
  /// Files that are no executables are remembered as nil.
  private var codeByFile: [FileKey: Code?] = [:]

  package init(_ session: ProbeSession) {
    self.session = session
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
        isPermanent: mapping.path == "[vdso]" || permanent.contains(FileKey(mapping)))
    }
    // Without room the walks end in unknown code, which is said of each stack.
    try? session.publishCode(regions, of: process, generation: generation)
  }

  private func unwinding(
    of mapping: MemoryMapping, _ directory: ProcessDirectory
  ) -> CodeRegion.Unwinding {
    guard mapping.isFile else { return mapping.path == nil ? .framePointers : .none }
    guard let code = code(of: mapping, directory),
      let address = code.segments.address(ofFileOffset: mapping.fileOffset)
    else { return .none }
    return table(code.identity, loadedAt: mapping.start &- address) {
      guard let file = try? directory.openFile(of: mapping), let elf = try? ELFFile(file) else {
        return nil
      }
      return UnwindTable(reading: elf)
    }
  }

  /// - Parameter bias: what is added to the file's virtual addresses.
  private func table(
    _ identity: FileIdentity, loadedAt bias: UInt64, make: () -> UnwindTable?
  ) -> CodeRegion.Unwinding {
    guard let table = tables[identity] ?? make() else { return .none }
    tables[identity] = table
    // Compilers that leave out all unwind information keep frame pointers: Go's, and those for embedded systems.
    if table.isEmpty { return .framePointers }
    guard let slot = session.unwindTable(of: identity) ?? (try? session.load(table, of: identity))
    else { return .none }
    return .table(slot, base: bias &+ table.textStart)
  }

  // MARK: Files

  private func code(of mapping: MemoryMapping, _ directory: ProcessDirectory) -> Code? {
    let key = FileKey(mapping)
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
  ) -> Set<FileKey> {
    let executable = try? RegularFile(opening: "\(directory.path)/exe").identity
    var filesByName: [String: FileKey] = [:]
    var waiting: [FileKey] = []
    var interpreter: String?
    for mapping in mappings where mapping.isFile {
      guard let code = code(of: mapping, directory) else { continue }
      let key = FileKey(mapping)
      if code.identity == executable {
        waiting.append(key)
        interpreter = code.interpreter
      }
      let name = mapping.path?.split(separator: "/").last.map(String.init)
      for name in [code.names.ownName, name].compactMap({ $0 }) { filesByName[name] = key }
    }
    if let name = interpreter?.split(separator: "/").last, let file = filesByName[String(name)] {
      waiting.append(file)
    }
    var permanent: Set<FileKey> = []
    while let file = waiting.popLast() {
      guard permanent.insert(file).inserted, let code = codeByFile[file] ?? nil else { continue }
      waiting += code.names.needed.compactMap { filesByName[$0] }
    }
    return permanent
  }
}
