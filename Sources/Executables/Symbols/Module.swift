import LinuxSystem
import Processes

/// What is kept of an executable file to name addresses in it.
///
/// Names need the file no more; debug information is read from it when it is asked for.
package final class Module: Sendable {
  /// GNU build id in lower-case hex; nil where the file has none.
  package let buildID: String?
  package let segments: LoadSegments
  package let symbols: SymbolTable
  /// Where its debug information is read from, if it is.
  package let file: ModuleFile?

  package init(
    buildID: String?, segments: LoadSegments, symbols: SymbolTable, file: ModuleFile? = nil
  ) {
    self.file = file
    self.buildID = buildID
    self.segments = segments
    self.symbols = symbols
  }

  /// Reads headers and symbols of an ELF file.
  ///
  /// - Parameters:
  ///   - path: of the file, in the mount namespace of the process that maps it; nil keeps no descriptor of it.
  ///   - root: of that namespace, where it isn't this process's.
  package convenience init(
    reading file: borrowing ELFFile, path: String? = nil, root: ProcessRoot? = nil
  ) {
    var builder = SymbolTableBuilder()
    builder.add(file)
    self.init(
      buildID: file.buildID, segments: file.segments, symbols: builder.build(),
      file: path.flatMap { file.kept(path: $0, root: root) })
  }

  /// The unwind table of its file; nil where that is not open any more.
  func unwindTable(_ tables: UnwindTableCache) -> UnwindTable? {
    guard let file else { return nil }
    if let known = tables.known(file.identity) { return known }
    return file.withDescriptors { descriptors in
      descriptors.first.flatMap { descriptor in
        guard let open = try? RegularFile(opening: "/proc/self/fd/\(descriptor)") else {
          return nil
        }
        return try? tables.table(of: open)
      }
    } ?? nil
  }

  /// Bytes of memory held, roughly.
  var byteCount: Int { 512 + segments.segments.count * 32 + symbols.byteCount }
}

extension ELFFile {
  fileprivate borrowing func kept(path: String, root: ProcessRoot?) -> ModuleFile? {
    guard let descriptor = try? OwnedDescriptor.duplicating(handle.file.descriptor) else {
      return nil
    }
    return ModuleFile(descriptor, identity: identity, path: path, root: root)
  }
}
