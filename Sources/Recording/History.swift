package import AllocationModel
import GRDB

/// Samples of processes and suspects over days, in an SQLite file.
///
/// Used by one thread at a time. Each call is one transaction: whatever happens to heaptap, a snapshot is in it or not.
package final class History {
  private let database: DatabaseQueue
  private let plan: ThinningPlan
  private let run: Int64
  private var samples: SampleWriter
  /// Milliseconds since 1970.
  private var thinned: Int64?

  /// Where the file was moved to that was found damaged; nil if none was.
  package let damagedFile: String?

  /// Opens or makes a history, and begins a run in it.
  ///
  /// - Parameters:
  ///   - siteLimit: suspects of which samples are kept at one time.
  ///   - unixNanoseconds: when the run began.
  /// - Throws: `HistoryError`.
  package init(
    path: String, plan: ThinningPlan, siteLimit: Int, host: HostIdentity, unixNanoseconds: Int64
  ) throws {
    (database, damagedFile) = try HistoryFile.open(path)
    self.plan = plan
    do {
      run = try database.write { database in
        try database.execute(
          sql: "INSERT INTO run (started, heaptap, kernel) VALUES (?, ?, ?)",
          arguments: [unixNanoseconds / 1_000_000, host.heaptapVersion, host.kernel])
        return database.lastInsertedRowID
      }
    } catch let error as DatabaseError {
      throw Self.failure("cannot write to the history \(path)", error)
    }
    samples = SampleWriter(run: run, siteLimit: siteLimit)
  }

  /// Adds what a snapshot says of processes and suspects.
  ///
  /// - Throws: `HistoryError`; the snapshot is then missing, and the next can be added all the same.
  package func record(_ snapshot: Snapshot) throws {
    var next = samples
    do {
      try database.write { database in try next.write(snapshot, to: database) }
    } catch let error as DatabaseError {
      throw Self.failure("cannot write to the history \(database.path)", error)
    }
    samples = next
  }

  /// Brings what is older into the shape of the plan; worth calling about once a minute.
  ///
  /// - Parameter unixNanoseconds: the present.
  package func thin(unixNanoseconds: Int64) throws {
    let now = unixNanoseconds / 1_000_000
    let steps = plan.steps(at: now, before: thinned)
    do {
      try database.write { database in
        for step in steps { try Thinning.take(step, in: database, run: run) }
      }
    } catch let error as DatabaseError {
      throw Self.failure("cannot thin the history \(database.path)", error)
    }
    samples.forgetStacks()
    thinned = now
  }

  /// Everything that was read by `read` is of one instant.
  package func read<Value>(_ query: (HistoryQuery) throws -> Value) throws -> Value {
    try database.read { try query(HistoryQuery(database: $0)) }
  }

  /// Writes what is still in the write-ahead log into the file, and closes it.
  package func close() throws {
    try database.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
    }
    try database.close()
  }

  private static func failure(_ action: String, _ error: DatabaseError) -> HistoryError {
    HistoryError(
      reason: .inaccessible,
      description: "\(action): \(error.message ?? "\(error.resultCode)"); "
        + "see that its disk has room and is writable")
  }
}
