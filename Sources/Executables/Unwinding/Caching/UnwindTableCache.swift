import Glibc
package import Processes

/// Unwind tables by file, each compiled once; those that took long also survive this process.
package final class UnwindTableCache: Sendable {
  /// Reading a table that was saved takes a millisecond or two as well.
  private static let worthSaving = Duration.milliseconds(5)

  private let tables: FileCache<UnwindTable>
  private let store: UnwindTableStore?
  private let savedAfter: Duration

  /// Makes an empty cache that holds up to `byteLimit` bytes in memory, and always the latest table.
  ///
  /// Tables that took longer than `savedAfter` to compile go to the store, if there is one.
  package init(
    byteLimit: Int = 64 << 20,
    store: UnwindTableStore? = nil,
    savedAfter: Duration? = nil
  ) {
    tables = FileCache(byteLimit: byteLimit)
    self.store = store
    self.savedAfter = savedAfter ?? Self.worthSaving
  }

  /// The table of an open file, from memory, from the store or compiled now.
  package func table(of file: consuming RegularFile) throws(ExecutableError) -> UnwindTable {
    let identity = file.identity
    if let known = tables.result(for: identity) { return try known.get() }
    // Compiled outside the lock: two threads may do the same, but none waits for another's file.
    let result = read(file)
    let byteCount = (try? result.get().byteCount) ?? 0
    tables.insert(result, byteCount: byteCount, for: identity)
    return try result.get()
  }

  /// The table of a file that is in memory.
  package func known(_ file: FileIdentity) -> UnwindTable? {
    try? tables.result(for: file)?.get()
  }

  /// Bytes of memory held now, roughly.
  package var byteCount: Int { tables.byteCount }
  package var count: Int { tables.count }

  private func read(_ file: consuming RegularFile) -> Result<UnwindTable, ExecutableError> {
    do throws(ExecutableError) {
      return .success(table(of: try ELFFile(file)))
    } catch {
      return .failure(error)
    }
  }

  private func table(of file: borrowing ELFFile) -> UnwindTable {
    guard let store, let key = SavedTableKey(file) else { return UnwindTable(reading: file) }
    if let saved = store.table(for: key) { return saved }
    let clock = ContinuousClock()
    let start = clock.now
    let table = UnwindTable(reading: file)
    if clock.now - start > savedAfter { store.save(table, for: key) }
    return table
  }
}

/// Names a file's table on disk.
struct SavedTableKey: Hashable, Sendable {
  /// Lower-case hex.
  var buildID: String
  /// Bytes of the executable; a stripped copy has the same build id, and may lack `.debug_frame`.
  var fileByteCount: UInt64
}

extension SavedTableKey {
  /// nil without a build id, and where it proves nothing: a file that somebody else wrote may carry the
  /// build id of libc and wrong rules, which every process would then be unwound by.
  init?(_ file: borrowing ELFFile) {
    guard let buildID = file.buildID, file.isTrusted else { return nil }
    self.init(buildID: buildID, fileByteCount: UInt64(file.identity.byteCount))
  }
}

extension ELFFile {
  /// Whether only root or this user can have written the file.
  fileprivate var isTrusted: Bool {
    var status = stat()
    guard fstat(handle.file.descriptor, &status) == 0 else { return false }
    return (status.st_uid == 0 || status.st_uid == geteuid())
      && status.st_mode & (S_IWGRP | S_IWOTH) == 0
  }
}
