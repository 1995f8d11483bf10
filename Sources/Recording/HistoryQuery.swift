package import AllocationModel
import GRDB

/// Questions to a history, valid inside `History.read`.
package struct HistoryQuery {
  /// A process that was observed in some run.
  package struct Process: Hashable, Sendable {
    package var id: Int64
    package var pid: Int32
    package var name: String
    /// Milliseconds since 1970.
    package var firstSeen: Int64
    package var ended: Int64?
  }

  /// One process or site at one time.
  package struct Sample: Hashable, Sendable {
    /// Milliseconds since 1970.
    package var time: Int64
    package var liveBytes: Int64
    /// The most since the sample before.
    package var liveBytesPeak: Int64
    package var liveBlocks: Int64
    /// Windows gave the figures.
    package var isEstimated: Bool
  }

  let database: Database

  /// All processes, by when they were first seen.
  package func processes() throws -> [Process] {
    try Row.fetchAll(database, sql: "SELECT * FROM process ORDER BY first_seen, id").map { row in
      Process(
        id: row["id"], pid: row["pid"], name: row["name"], firstSeen: row["first_seen"],
        ended: row["ended"])
    }
  }

  /// Samples of a process at these times, milliseconds since 1970, in their order.
  package func samples(of process: Process, in times: Range<Int64>) throws -> [Sample] {
    try samples(
      "SELECT * FROM process_sample WHERE process = ? AND time >= ? AND time < ? ORDER BY time",
      [process.id, times.lowerBound, times.upperBound])
  }

  /// Samples of a site of a process.
  package func samples(
    of site: SiteID, in process: Process, _ times: Range<Int64>
  ) throws -> [Sample] {
    try samples(
      """
      SELECT * FROM site_sample WHERE process = ? AND site = ? AND time >= ? AND time < ?
      ORDER BY time
      """,
      [process.id, Int64(bitPattern: site.rawValue), times.lowerBound, times.upperBound])
  }

  /// Sites of a process that were suspected at some time.
  package func suspects(of process: Process) throws -> [SiteID] {
    try Int64.fetchAll(
      database, sql: "SELECT DISTINCT site FROM site_sample WHERE process = ? ORDER BY site",
      arguments: [process.id]
    ).map { SiteID(rawValue: UInt64(bitPattern: $0)) }
  }

  /// The stack of a site; nil if none is known.
  package func stack(of site: SiteID) throws -> [Frame]? {
    try String.fetchOne(
      database, sql: "SELECT stack FROM site WHERE id = ?",
      arguments: [Int64(bitPattern: site.rawValue)]
    ).map(StoredFrame.decode)
  }

  private func samples(_ sql: String, _ arguments: StatementArguments) throws -> [Sample] {
    try Row.fetchAll(database, sql: sql, arguments: arguments).map { row in
      Sample(
        time: row["time"], liveBytes: row["live_bytes"], liveBytesPeak: row["live_bytes_peak"],
        liveBlocks: row["live_blocks"], isEstimated: row["estimated"])
    }
  }
}
