import LinuxSystem

/// Unwind tables on disk, by build id.
///
/// It is there to save time and nothing else: what can't be read, doesn't check out or may be somebody
/// else's is as good as absent, and what can't be written is not kept.
package struct UnwindTableStore: Sendable {
  /// Bytes of one file; a table's rows have a bound of half of it.
  private static let fileByteLimit = 64 << 20

  private let folder: String
  private let byteLimit: Int

  /// Keeps up to `byteLimit` bytes in a folder, which is made when it is needed.
  package init(folder: String, byteLimit: Int = 256 << 20) {
    self.folder = folder
    self.byteLimit = byteLimit
  }

  /// Where the tables of a user belong (XDG Base Directory Specification); nil without a home.
  package static func standardFolder(environment: [String: String], isRoot: Bool) -> String? {
    if isRoot { return "/var/cache/heaptap/unwind" }
    // Relative paths are to be ignored.
    if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
      return "\(cache)/heaptap/unwind"
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
    return "\(home)/.cache/heaptap/unwind"
  }

  func table(for key: SavedTableKey) -> UnwindTable? {
    guard let folder = try? PrivateFolder(opening: folder),
      let bytes = try? folder.contents(of: key.fileName, limit: Self.fileByteLimit)
    else { return nil }
    let words = bytes.withUnsafeBytes { bytes in
      [UInt32](unsafeUninitializedCapacity: bytes.count / 4) { words, count in
        count = bytes.count / 4
        UnsafeMutableRawBufferPointer(words).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count * 4)))
      }
    }
    return SavedTable.table(in: words, for: key)
  }

  func save(_ table: UnwindTable, for key: SavedTableKey) {
    let words = SavedTable.words(of: table, for: key)
    let byteCount = words.count * 4
    guard byteCount <= min(Self.fileByteLimit, byteLimit),
      let folder = try? PrivateFolder(creating: folder)
    else { return }
    makeRoom(for: byteCount, in: folder)
    try? folder.write(words.span.bytes, as: key.fileName)
  }

  /// Removes the oldest files until one more fits.
  private func makeRoom(for byteCount: Int, in folder: borrowing PrivateFolder) {
    guard let entries = try? folder.entries() else { return }
    var total = entries.reduce(byteCount) { $0 + $1.byteCount }
    for entry in entries.sorted(by: { $0.modified < $1.modified }) where total > byteLimit {
      try? folder.remove(entry.name)
      total -= entry.byteCount
    }
  }
}

extension SavedTableKey {
  fileprivate var fileName: String { "\(buildID)-\(fileByteCount)" }
}
