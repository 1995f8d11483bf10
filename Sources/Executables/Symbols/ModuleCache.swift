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
  fileprivate struct Entry {
    var result: Result<Module, ExecutableError>
    var byteCount: Int
    var lastUse: UInt64
  }

  fileprivate struct Contents {
    var entriesByFile: [FileIdentity: Entry] = [:]
    var byteCount = 0
    var uses: UInt64 = 0
    /// In the order they were opened.
    var openFiles: [ModuleFile] = []
  }

  /// What a failure, or any entry's bookkeeping, is taken to cost in bytes.
  fileprivate static let entryByteCount = 256

  private let byteLimit: Int
  private let openFileLimit: Int
  private let contents = Mutex(Contents())

  /// Makes an empty cache that holds up to `byteLimit` bytes, and always the latest module.
  ///
  /// Of the modules' files, `openFileLimit` are kept open.
  package init(byteLimit: Int = 64 << 20, openFileLimit: Int = 256) {
    self.byteLimit = byteLimit
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
    if let known = contents.withLock({ $0.use(identity) }) { return try known.get() }
    // Read outside the lock: two threads may read the same file, but none waits for another's file.
    let result = Self.read(file, path: path, root: root)
    contents.withLock {
      $0.insert(result, for: identity, limit: byteLimit)
      if let kept = (try? result.get())?.file { $0.keepOpen(kept, limit: openFileLimit) }
    }
    return try result.get()
  }

  /// Bytes held now, roughly.
  package var byteCount: Int { contents.withLock { $0.byteCount } }
  package var count: Int { contents.withLock { $0.entriesByFile.count } }

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

extension ModuleCache.Contents {
  fileprivate mutating func use(_ file: FileIdentity) -> Result<Module, ExecutableError>? {
    uses += 1
    entriesByFile[file]?.lastUse = uses
    return entriesByFile[file]?.result
  }

  /// The file that was opened first is closed when there are too many.
  fileprivate mutating func keepOpen(_ file: ModuleFile, limit: Int) {
    openFiles.append(file)
    guard openFiles.count > limit else { return }
    openFiles.removeFirst().close()
  }

  fileprivate mutating func insert(
    _ result: Result<Module, ExecutableError>,
    for file: FileIdentity,
    limit: Int
  ) {
    let moduleByteCount = (try? result.get().byteCount) ?? 0
    let entry = ModuleCache.Entry(
      result: result,
      byteCount: moduleByteCount + ModuleCache.entryByteCount,
      lastUse: uses
    )
    if let replaced = entriesByFile.updateValue(entry, forKey: file) {
      byteCount -= replaced.byteCount
    }
    byteCount += entry.byteCount
    while byteCount > limit, entriesByFile.count > 1 {
      let oldest = entriesByFile.min { a, b in
        (a.key == file ? 1 : 0, a.value.lastUse) < (b.key == file ? 1 : 0, b.value.lastUse)
      }
      guard let oldest else { return }
      byteCount -= oldest.value.byteCount
      entriesByFile[oldest.key] = nil
    }
  }
}
