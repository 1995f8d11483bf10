import Foundation
import GRDB

/// Opens the database file of a history.
enum HistoryFile {
  /// Opens or makes the file and brings its tables up to date.
  ///
  /// - Returns: the database, and where a damaged file was moved to.
  /// - Throws: `HistoryError`.
  static func open(_ path: String) throws -> (database: DatabaseQueue, damaged: String?) {
    do {
      return (try openUndamaged(path), nil)
    } catch let error as DatabaseError where error.isDamage {
      let damaged = try moveAside(path)
      do {
        return (try openUndamaged(path), damaged)
      } catch let error as DatabaseError {
        throw inaccessible(path, error)
      }
    } catch let error as DatabaseError {
      throw inaccessible(path, error)
    }
  }

  private static func openUndamaged(_ path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.busyMode = .timeout(2)
    configuration.label = "heaptap.history"
    configuration.prepareDatabase { database in
      // WAL: what was committed stays when heaptap is killed, and readers don't stop the writer.
      try database.execute(
        sql: """
          PRAGMA journal_mode = WAL;
          PRAGMA synchronous = NORMAL;
          PRAGMA journal_size_limit = 16777216;
          PRAGMA cache_size = -2048;
          """)
    }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.writeWithoutTransaction { database in
      let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
      guard version <= HistorySchema.version else {
        throw HistoryError(
          reason: .tooNew,
          description:
            "cannot use the history \(path): it has format \(version), which a newer heaptap wrote, and "
            + "this one knows formats up to \(HistorySchema.version); update heaptap or choose another path"
        )
      }
      // Reads the file once, and finds what would fail later, in the middle of a day.
      guard try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" else {
        throw DatabaseError(resultCode: .SQLITE_CORRUPT)
      }
    }
    try HistorySchema.migrator.migrate(queue)
    try queue.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA user_version = \(HistorySchema.version)")
    }
    return queue
  }

  /// Gives a damaged file and what belongs to it another name: `history.sqlite.damaged-1`.
  private static func moveAside(_ path: String) throws -> String {
    var number = 1
    while FileManager.default.fileExists(atPath: "\(path).damaged-\(number)") { number += 1 }
    let target = "\(path).damaged-\(number)"
    guard rename(path, target) == 0 else {
      throw HistoryError(
        reason: .inaccessible,
        description: "cannot use the history \(path): it is damaged and can't be moved aside "
          + "(\(String(cString: strerror(errno)))); move it or choose another path")
    }
    for suffix in ["-wal", "-shm"] { rename(path + suffix, target + suffix) }
    return target
  }

  private static func inaccessible(_ path: String, _ error: DatabaseError) -> HistoryError {
    HistoryError(
      reason: .inaccessible,
      description: "cannot open the history \(path): \(error.message ?? "\(error.resultCode)"); "
        + "its folder has to exist and be writable, or choose another path")
  }
}

extension DatabaseError {
  /// What is in the file is not, or is no longer, a database.
  fileprivate var isDamage: Bool {
    resultCode == .SQLITE_CORRUPT || resultCode == .SQLITE_NOTADB
      || message?.contains("malformed") == true
  }
}
