import AllocationModel
import GRDB

/// Turns snapshots into rows, and remembers which rows there are already.
struct SampleWriter {
  private struct Known {
    var row: Int64
    var counters: AllocationCounters
    var residentAnonymousBytes: UInt64?
    /// Milliseconds since 1970.
    var written: Int64
    var startTicks: UInt64
    var isEstimated: Bool
    var hasEnded = false
  }

  private struct ProcessKey: Hashable {
    var pid: Int32
    var name: String
  }

  /// Milliseconds after which a sample is written even if nothing changed.
  private static let longestSilence: Int64 = 60_000

  private let run: Int64
  private let siteLimit: Int
  private var processes: [ProcessKey: Known] = [:]
  /// Length of the stack's text by site: it grows when lines are known.
  private var stackLengths: [SiteID: Int] = [:]

  init(run: Int64, siteLimit: Int) {
    self.run = run
    self.siteLimit = siteLimit
  }

  /// Stacks may have gone from the file: each is written again when it is needed.
  mutating func forgetStacks() {
    stackLengths = [:]
  }

  mutating func write(_ snapshot: Snapshot, to database: Database) throws {
    let time = snapshot.unixNanoseconds / 1_000_000
    var rows: [Int32: Int64] = [:]
    var present: Set<ProcessKey> = []
    for target in snapshot.targets {
      present.insert(ProcessKey(pid: target.pid, name: target.name))
      if let row = try write(target, time, to: database) { rows[target.pid] = row }
    }
    processes = processes.filter { present.contains($0.key) }
    for site in snapshot.suspects(limit: siteLimit) {
      guard let row = rows[site.pid] else { continue }
      try write(site, of: row, time, to: database)
    }
  }

  /// The row of the process; nil where it had ended before.
  private mutating func write(
    _ target: TargetSnapshot, _ time: Int64, to database: Database
  ) throws -> Int64? {
    let key = ProcessKey(pid: target.pid, name: target.name)
    var known = processes[key]
    let isEstimated = target.mode == .windows
    if let earlier = known, Self.isAnother(target, than: earlier) { known = nil }
    if let known, known.hasEnded { return nil }
    let isUnchanged =
      known.map {
        $0.counters == target.counters && $0.isEstimated == isEstimated
          && $0.residentAnonymousBytes == target.residentAnonymousBytes
          && time - $0.written < Self.longestSilence && time >= $0.written && !target.hasExited
      } ?? false
    if let known, isUnchanged { return known.row }
    let row = try known?.row ?? insert(target, time, to: database)
    try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO process_sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      row, time, stored(target.counters.liveBytes), stored(target.counters.liveBytes),
      stored(target.counters.liveBlocks), stored(target.counters.allocatedBytes),
      stored(target.counters.allocatedBlocks), stored(target.counters.freedBytes),
      stored(target.counters.freedBlocks), target.residentBytes.map(stored),
      target.residentAnonymousBytes.map(stored), isEstimated,
    ])
    if target.hasExited {
      try database.execute(
        sql: "UPDATE process SET ended = ? WHERE id = ?", arguments: [time, row])
    }
    processes[key] = Known(
      row: row, counters: target.counters,
      residentAnonymousBytes: target.residentAnonymousBytes, written: time,
      startTicks: target.startTicks, isEstimated: isEstimated, hasEnded: target.hasExited)
    return row
  }

  /// Counters only grow, but for those that windows estimate, and nothing that ended comes back.
  private static func isAnother(_ target: TargetSnapshot, than earlier: Known) -> Bool {
    if earlier.hasEnded && !target.hasExited { return true }
    if target.mode == .windows || earlier.isEstimated {
      return target.startTicks != earlier.startTicks
    }
    return target.counters.allocatedBlocks < earlier.counters.allocatedBlocks
  }

  private func insert(
    _ target: TargetSnapshot, _ time: Int64, to database: Database
  ) throws -> Int64 {
    try database.cachedStatement(
      sql: "INSERT INTO process (run, pid, name, first_seen) VALUES (?, ?, ?, ?)"
    ).execute(arguments: [run, target.pid, target.name, time])
    return database.lastInsertedRowID
  }

  private mutating func write(
    _ site: SiteSnapshot, of process: Int64, _ time: Int64, to database: Database
  ) throws {
    let identity = Int64(bitPattern: site.id.rawValue)
    let stack = try StoredFrame.encode(site.stack)
    if stack.utf8.count > stackLengths[site.id] ?? -1 {
      let frame = site.stack.first { $0.function != nil } ?? site.stack.first
      try database.cachedStatement(
        sql: """
          INSERT INTO site VALUES (?, ?, ?, ?, ?)
          ON CONFLICT (id) DO UPDATE SET function = excluded.function, module = excluded.module,
            ending = excluded.ending, stack = excluded.stack
          WHERE length(excluded.stack) >= length(stack)
          """
      ).execute(arguments: [
        identity, frame?.function, frame?.module, site.ending.rawValue, stack,
      ])
      stackLengths[site.id] = stack.utf8.count
    }
    try database.cachedStatement(
      sql: "INSERT OR REPLACE INTO site_sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ).execute(arguments: [
      process, identity, time, stored(site.counters.liveBytes), stored(site.counters.liveBytes),
      stored(site.counters.liveBlocks), stored(site.counters.allocatedBytes),
      stored(site.counters.freedBytes), finite(site.growth.bytesPerSecond),
      finite(site.growth.low), finite(site.growth.high), site.assessment.verdict.rawValue,
      site.estimate != nil,
    ])
  }

  /// SQLite's integers are signed.
  private func stored(_ number: UInt64) -> Int64 { Int64(clamping: number) }

  /// SQLite takes what is not a number for NULL.
  private func finite(_ value: Double) -> Double {
    value.isNaN ? 0 : min(max(value, -1e300), 1e300)
  }
}
