/// Names the file behind a mapping without opening it: the same in all processes that map it.
package struct MappedFile: Hashable, Sendable {
  package var deviceMajor: UInt32
  package var deviceMinor: UInt32
  package var inode: UInt64

  package init(_ mapping: MemoryMapping) {
    deviceMajor = mapping.deviceMajor
    deviceMinor = mapping.deviceMinor
    inode = mapping.inode
  }
}

extension ProcessDirectory {
  /// Opens the very file behind a mapping, also when it was deleted or replaced on disk since.
  ///
  /// `/proc/PID/map_files` leads to the mapped inode itself, but needs CAP_SYS_ADMIN or
  /// CAP_CHECKPOINT_RESTORE. Without them the path is taken inside the process's own root folder, and the
  /// file found there is refused unless its device and inode are those of the mapping. So is one that the path leads
  /// to outside, when the process is gone.
  ///
  /// - Throws: `ProcessError`; `.replaced` where the path leads to another file by now, `.notAFile` for a
  ///   mapping without one.
  package func openFile(of mapping: MemoryMapping) throws(ProcessError) -> RegularFile {
    let range = "\(String(mapping.start, radix: 16))-\(String(mapping.end, radix: 16))"
    guard mapping.isFile else {
      throw ProcessError(action: "open the file mapped at \(range)", reason: .notAFile)
    }
    do throws(ProcessError) {
      let mapped = try RegularFile(opening: "\(path)/map_files/\(range)")
      if isFile(mapped, of: mapping) { return mapped }
    } catch {
      // A mapping merged or split since it was listed is not found either: the path is worth a try.
      guard mapping.path?.hasPrefix("/") == true, !mapping.isDeleted else { throw error }
    }
    let name = mapping.path ?? ""
    do throws(ProcessError) {
      return try openByPath("\(path)/root\(name)", of: mapping)
    } catch {
      // The process may be gone, and may have seen the same folders as everybody.
      guard error.reason == .vanished else { throw error }
      return try openByPath(name, of: mapping)
    }
  }

  /// Whether a file that is mapped now is the one that was mapped when the mapping was listed or recorded: another may
  /// have taken its place since.
  ///
  /// The inode tells, but on file systems over others (overlayfs) a file is mapped that has another one than its path
  /// leads to; then the path does.
  private func isFile(_ file: borrowing RegularFile, of mapping: MemoryMapping) -> Bool {
    guard file.identity.inode != mapping.inode else { return true }
    guard let name = mapping.path, name.hasPrefix("/"), !mapping.isDeleted else { return true }
    guard let named = try? RegularFile(opening: "\(path)/root\(name)") else { return false }
    return named.identity == file.identity
  }

  private func openByPath(
    _ path: String,
    of mapping: MemoryMapping
  ) throws(ProcessError) -> RegularFile {
    let file = try RegularFile(opening: path)
    let identity = file.identity
    guard identity.inode == mapping.inode, identity.deviceMajor == mapping.deviceMajor,
      identity.deviceMinor == mapping.deviceMinor
    else { throw ProcessError(action: "open \(path)", reason: .replaced) }
    return file
  }
}
