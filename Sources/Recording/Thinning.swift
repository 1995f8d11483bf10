import GRDB

/// Takes the steps of a `ThinningPlan` in the tables.
enum Thinning {
  static func take(_ step: ThinningPlan.Step, in database: Database, run: Int64) throws {
    switch step {
    case .merge(let times, let spacing):
      try merge("process_sample", key: ["process"], times, spacing, database)
      try merge("site_sample", key: ["process", "site"], times, spacing, database)
    case .forget(let time):
      try database.execute(sql: "DELETE FROM process_sample WHERE time < ?", arguments: [time])
      try database.execute(sql: "DELETE FROM site_sample WHERE time < ?", arguments: [time])
      try forgetUnused(before: time, database, run: run)
    }
  }

  /// The last of a bucket stays, as counters only grow, and takes over the highest peak; no estimate becomes one of what
  /// was counted, or the other way round.
  private static func merge(
    _ table: String, key: [String], _ times: Range<Int64>, _ spacing: Int64, _ database: Database
  ) throws {
    let sameKey = key.map { "other.\($0) = \(table).\($0)" }.joined(separator: " AND ")
    let bucket = "(\(table).time / :spacing) * :spacing"
    let arguments: StatementArguments = [
      "from": times.lowerBound, "to": times.upperBound, "spacing": spacing,
    ]
    let isLast = """
      NOT EXISTS (SELECT 1 FROM \(table) AS other WHERE \(sameKey)
        AND other.time > \(table).time AND other.time < \(bucket) + :spacing)
      """
    try database.execute(
      sql: """
        UPDATE \(table) SET live_bytes_peak = (
          SELECT max(live_bytes_peak) FROM \(table) AS other WHERE \(sameKey)
            AND other.estimated = \(table).estimated
            AND other.time >= \(bucket) AND other.time <= \(table).time)
        WHERE time >= :from AND time < :to AND \(isLast)
        """, arguments: arguments)
    try database.execute(
      sql: "DELETE FROM \(table) WHERE time >= :from AND time < :to AND NOT (\(isLast))",
      arguments: arguments)
  }

  /// Processes, stacks and runs of which no sample is left. Those that were just begun have none yet.
  private static func forgetUnused(before time: Int64, _ database: Database, run: Int64) throws {
    try database.execute(
      sql: """
        DELETE FROM process WHERE first_seen < :time AND run <> :run
          AND NOT EXISTS (SELECT 1 FROM process_sample AS s WHERE s.process = process.id)
          AND NOT EXISTS (SELECT 1 FROM site_sample AS s WHERE s.process = process.id);
        """, arguments: ["time": time, "run": run])
    try database.execute(
      sql: """
        DELETE FROM process WHERE ended < :time
          AND NOT EXISTS (SELECT 1 FROM process_sample AS s WHERE s.process = process.id)
          AND NOT EXISTS (SELECT 1 FROM site_sample AS s WHERE s.process = process.id);
        """, arguments: ["time": time])
    try database.execute(
      sql: """
        DELETE FROM run WHERE started < :time AND id <> :run
          AND NOT EXISTS (SELECT 1 FROM process WHERE process.run = run.id)
        """, arguments: ["time": time, "run": run])
    try database.execute(
      sql:
        "DELETE FROM site WHERE NOT EXISTS (SELECT 1 FROM site_sample AS s WHERE s.site = site.id)")
  }
}
