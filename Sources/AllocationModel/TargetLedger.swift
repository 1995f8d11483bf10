/// The processes seen so far, in the order in which they were first seen, with the last figures of those that ended.
struct TargetLedger: Sendable {
  /// What one reading made of the processes.
  struct Result {
    var current: [TargetSnapshot]
    /// Processes whose figures are final.
    var ended: Set<ProcessIdentity>
    /// Processes that were dropped, since too many others ended after them.
    var forgotten: [ProcessIdentity]
  }

  private struct Row {
    var snapshot: TargetSnapshot
    /// Anonymous memory over time; empty once it has ended.
    var anonymous = LevelHistory()
    /// Its place among all that ended; nil while it runs.
    var endNumber: Int?
    var lastFold = 0
  }

  private var rows: [Row] = []
  private var indicesByProcess: [ProcessIdentity: Int] = [:]
  /// Those that ended, the first first; one that came back is in it with a number it no longer has.
  private var endQueue: [(process: ProcessIdentity, number: Int)] = []
  private var endedCount = 0
  private var lastEndNumber = 0
  private var foldCount = 0

  /// What is held, in rows and places in the queue.
  var heldCount: Int { rows.count + endQueue.count + indicesByProcess.count }

  mutating func fold(
    _ readings: [TargetSnapshot], at elapsed: Double, horizon: Double, endedLimit: Int
  ) -> Result {
    foldCount += 1
    for reading in readings { take(reading, at: elapsed, horizon: horizon) }
    for index in rows.indices {
      if rows[index].lastFold != foldCount { noteMissing(index) }
      if rows[index].snapshot.hasExited, rows[index].endNumber == nil { noteEnd(of: index) }
    }
    let forgotten = forget(limit: endedLimit)
    return Result(
      current: rows.map(\.snapshot),
      ended: Set(rows.lazy.filter { $0.endNumber != nil }.map(\.snapshot.process)),
      forgotten: forgotten)
  }

  /// Of two readings of one process the first counts.
  private mutating func take(_ reading: TargetSnapshot, at elapsed: Double, horizon: Double) {
    let process = reading.process
    let index: Int
    if let known = indicesByProcess[process] {
      guard rows[known].lastFold != foldCount else { return }
      index = known
    } else {
      index = rows.count
      rows.append(Row(snapshot: reading))
      indicesByProcess[process] = index
    }
    let before = rows[index].snapshot
    rows[index].lastFold = foldCount
    rows[index].snapshot = reading
    // What is live is known to exact observation only.
    rows[index].snapshot.peakLiveBytes = max(
      before.peakLiveBytes, reading.mode == .windows ? 0 : reading.counters.liveBytes)
    rows[index].snapshot.peakAnonymousBytes = [
      before.peakAnonymousBytes, reading.residentAnonymousBytes,
    ].compactMap { $0 }.max()
    if reading.hasExited {
      rows[index].snapshot.anonymousGrowth = before.anonymousGrowth
      return
    }
    if rows[index].endNumber != nil {
      rows[index].endNumber = nil
      endedCount -= 1
    }
    if let level = reading.residentAnonymousBytes {
      rows[index].anonymous.append(level, at: elapsed, horizon: horizon)
    }
    rows[index].snapshot.anonymousGrowth = rows[index].anonymous.growth
  }

  /// A process that is no longer read has ended; what it holds now is known to be nothing.
  private mutating func noteMissing(_ index: Int) {
    rows[index].snapshot.hasExited = true
    rows[index].snapshot.residentBytes = nil
    rows[index].snapshot.residentAnonymousBytes = nil
    rows[index].snapshot.heapBytes = nil
  }

  private mutating func noteEnd(of index: Int) {
    lastEndNumber += 1
    endedCount += 1
    rows[index].endNumber = lastEndNumber
    rows[index].anonymous = LevelHistory()
    endQueue.append((rows[index].snapshot.process, lastEndNumber))
  }

  /// Drops the first that ended, but none that is still read.
  private mutating func forget(limit: Int) -> [ProcessIdentity] {
    guard endedCount > max(0, limit) else { return [] }
    var forgotten: Set<ProcessIdentity> = []
    var order: [ProcessIdentity] = []
    var kept: [(process: ProcessIdentity, number: Int)] = []
    for entry in endQueue {
      guard let index = indicesByProcess[entry.process], rows[index].endNumber == entry.number
      else { continue }
      if endedCount > max(0, limit), rows[index].lastFold != foldCount {
        endedCount -= 1
        forgotten.insert(entry.process)
        order.append(entry.process)
      } else {
        kept.append(entry)
      }
    }
    endQueue = kept
    guard !forgotten.isEmpty else { return [] }
    rows.removeAll { forgotten.contains($0.snapshot.process) }
    indicesByProcess.removeAll(keepingCapacity: true)
    for (index, row) in rows.enumerated() { indicesByProcess[row.snapshot.process] = index }
    return order
  }
}
