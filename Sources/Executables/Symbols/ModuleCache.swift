package import Processes
import Synchronization

/// Modules by file, each read once, however many processes map it.
///
/// Failures are remembered too.
///
/// Files are told apart by device, inode, size and times, so a file that was overwritten in place is read
/// anew. What was not asked for longest goes first when the bound is passed; a module that a `Symbolizer`
/// still holds lives on there. Symbols have a bound of their own, and are read again when they are asked for again.
package final class ModuleCache: Sendable {
  private let modules: FileCache<Module>
  private let symbolTables: FileCache<SymbolTable>
  private let openFileLimit: Int
  /// In the order they were opened.
  private let openModules = Mutex<[OpenModule]>([])

  private struct OpenModule {
    weak var module: Module?
  }

  /// Makes an empty cache that holds up to `byteLimit` bytes, and always the latest module and the latest symbols.
  ///
  /// Of the modules' files, `openFileLimit` are kept open.
  package init(byteLimit: Int = 64 << 20, openFileLimit: Int = 512) {
    modules = FileCache(byteLimit: byteLimit)
    symbolTables = FileCache(byteLimit: byteLimit)
    self.openFileLimit = openFileLimit
  }

  /// The module of an open file, from the cache or read now.
  ///
  /// - Parameters:
  ///   - path: of the file, in the mount namespace of the process that maps it; nil: debug information won't be asked for.
  ///   - root: of that namespace, where it isn't this process's.
  package func module(
    of file: consuming RegularFile, path: String? = nil, root: ProcessRoot? = nil
  ) throws(ExecutableError) -> Module {
    let identity = file.identity
    if let known = modules.result(for: identity) { return try known.get() }
    // Read outside the lock: two threads may read the same file, but none waits for another's file.
    let result = read(file, path: path, root: root)
    let module = try? result.get()
    modules.insert(result, byteCount: module?.byteCount ?? 0, for: identity)
    if let module, module.file != nil { keepOpen(module) }
    return try result.get()
  }

  /// The file that was opened first is closed when there are too many.
  private func keepOpen(_ module: Module) {
    let oldest = openModules.withLock { modules -> Module? in
      modules.append(OpenModule(module: module))
      return modules.count > openFileLimit ? modules.removeFirst().module : nil
    }
    oldest?.close()
  }

  /// Bytes held now, roughly.
  package var byteCount: Int { modules.byteCount + symbolTables.byteCount }
  package var count: Int { modules.count }

  private func read(
    _ file: consuming RegularFile, path: String?, root: ProcessRoot?
  ) -> Result<Module, ExecutableError> {
    do throws(ExecutableError) {
      let file = try ELFFile(file)
      guard let path else { return .success(Module(reading: file)) }
      return .success(
        Module(reading: file, path: path, root: root, symbolTables: symbolTables))
    } catch {
      return .failure(error)
    }
  }
}
