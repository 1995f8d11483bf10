package import Processes
import Synchronization

/// Modules by file, each read once, however many processes map it.
///
/// Failures are remembered too.
///
/// Files are told apart by device, inode, size and times, so a file that was overwritten in place is read
/// anew. What was not asked for longest goes first when the bound is passed; a module that a `Symbolizer`
/// still holds lives on there.
package final class ModuleCache: Sendable {
  private let modules: FileCache<Module>
  private let openFileLimit: Int
  /// In the order they were opened.
  private let openFiles = Mutex<[ModuleFile]>([])

  /// Makes an empty cache that holds up to `byteLimit` bytes, and always the latest module.
  ///
  /// Of the modules' files, `openFileLimit` are kept open.
  package init(byteLimit: Int = 64 << 20, openFileLimit: Int = 256) {
    modules = FileCache(byteLimit: byteLimit)
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
    let result = Self.read(file, path: path, root: root)
    let module = try? result.get()
    modules.insert(result, byteCount: module?.byteCount ?? 0, for: identity)
    if let kept = module?.file { keepOpen(kept) }
    return try result.get()
  }

  /// The file that was opened first is closed when there are too many.
  private func keepOpen(_ file: ModuleFile) {
    openFiles.withLock { files in
      files.append(file)
      if files.count > openFileLimit { files.removeFirst().close() }
    }
  }

  /// Bytes held now, roughly.
  package var byteCount: Int { modules.byteCount }
  package var count: Int { modules.count }

  private static func read(
    _ file: consuming RegularFile, path: String?, root: ProcessRoot?
  ) -> Result<Module, ExecutableError> {
    do throws(ExecutableError) {
      return .success(Module(reading: try ELFFile(file), path: path, root: root))
    } catch {
      return .failure(error)
    }
  }
}
