/// The sites seen so far, in the order they were first seen, each with its history and its last
/// figures.
struct SiteLedger: Sendable {
  private struct Key: Hashable {
    var process: ProcessIdentity
    var id: SiteID
  }

  private struct Entry {
    var process: ProcessIdentity
    var history = SiteHistory()
    var snapshot: SiteSnapshot
    /// The process has ended and its last reading is folded: the verdict stays what it was.
    var isFinal = false
    /// How many seconds the site had been quiet when it was judged; nil if it was not.
    var judgedQuiet: Double?
    /// The last reading this site was part of.
    var lastFold = 0
  }

  private var entries: [Entry] = []
  private var indicesByKey: [Key: Int] = [:]
  private var foldCount = 0

  mutating func fold(
    _ readings: [SiteReading],
    at elapsed: Double,
    exited: Set<Int32>,
    settings: SnapshotBuilder.Settings
  ) -> [SiteSnapshot] {
    foldCount += 1
    merge(readings)
    dropUnread(exited: exited)
    judge(at: elapsed, exited: exited, settings: settings)
    return entries.map(\.snapshot)
  }

  /// Drops the sites of a process that is of no more interest.
  mutating func forget(pid: Int32) {
    entries.removeAll { $0.process.pid == pid }
    indexEntries()
  }

  /// A site that is no longer read is gone: its process runs another program now. Only a process that has
  /// ended and is not read at all any more keeps its last figures.
  private mutating func dropUnread(exited: Set<Int32>) {
    let foldCount = self.foldCount
    guard entries.contains(where: { $0.lastFold != foldCount }) else { return }
    let read = Set(entries.filter { $0.lastFold == foldCount }.map(\.process.pid))
    entries.removeAll { entry in
      let pid = entry.process.pid
      return entry.lastFold != foldCount && (read.contains(pid) || !exited.contains(pid))
    }
    indexEntries()
  }

  private mutating func indexEntries() {
    indicesByKey.removeAll(keepingCapacity: true)
    for (index, entry) in entries.enumerated() {
      indicesByKey[Key(process: entry.process, id: entry.snapshot.id)] = index
    }
  }

  /// Takes over the figures of one reading; two readings of one site in one process are summed.
  private mutating func merge(_ readings: [SiteReading]) {
    for reading in readings {
      let key = Key(process: reading.process, id: reading.id)
      let index = indicesByKey[key] ?? add(reading, key: key)
      if entries[index].lastFold == foldCount {
        entries[index].snapshot.counters += reading.counters
        if reading.ending != .complete { entries[index].snapshot.ending = reading.ending }
        entries[index].snapshot.oldest = [entries[index].snapshot.oldest, reading.oldest]
          .compactMap { $0 }.max()
      } else {
        entries[index].lastFold = foldCount
        entries[index].snapshot.counters = reading.counters
        entries[index].snapshot.ending = reading.ending
        entries[index].snapshot.oldest = reading.oldest
        // A later reading may know names that an earlier one didn't.
        entries[index].snapshot.stack = reading.stack
      }
    }
  }

  private mutating func add(_ reading: SiteReading, key: Key) -> Int {
    let snapshot = SiteSnapshot(
      id: reading.id,
      pid: reading.process.pid,
      stack: reading.stack,
      counters: reading.counters,
      assessment: Assessment(verdict: .new, reason: "")
    )
    entries.append(Entry(process: reading.process, snapshot: snapshot))
    indicesByKey[key] = entries.count - 1
    return entries.count - 1
  }

  /// Sites that were not read keep their last figures: their process has ended.
  private mutating func judge(
    at elapsed: Double,
    exited: Set<Int32>,
    settings: SnapshotBuilder.Settings
  ) {
    let strictness = Quantile.strictness(testing: activeSiteCount(settings))
    for index in entries.indices where entries[index].lastFold == foldCount {
      guard !entries[index].isFinal else { continue }
      entries[index].history.append(
        entries[index].snapshot.counters,
        at: elapsed,
        horizon: settings.horizon,
        sampleLimit: settings.sampleLimit
      )
      let quiet = entries[index].history.quietDuration
      let isFinal = exited.contains(entries[index].process.pid)
      defer {
        entries[index].judgedQuiet = quiet
        entries[index].isFinal = isFinal
      }
      if let quiet, let before = entries[index].judgedQuiet, saysTheSame(quiet, before) { continue }
      let evidence = TrendEvidence(
        history: entries[index].history,
        oldest: entries[index].snapshot.oldest,
        settings: settings
      )
      let trend = evidence.trend(minimumSamples: settings.minimumSamples, strictness: strictness)
      entries[index].snapshot.growth = trend.growth
      entries[index].snapshot.assessment = trend.assessment
    }
  }

  /// Most sites are quiet most of the time; their verdict is only written anew when its figure
  /// changes.
  private func saysTheSame(_ duration: Double, _ before: Double) -> Bool {
    before >= 120 && (duration / 60).rounded() == (before / 60).rounded()
  }

  /// Sites with at least as many allocations and frees as the growth test needs to say anything at
  /// all.
  private func activeSiteCount(_ settings: SnapshotBuilder.Settings) -> Int {
    entries.count { entry in
      guard let first = entry.history.samples.first, entry.lastFold == foldCount else {
        return false
      }
      let counters = entry.snapshot.counters
      let events = counters.allocatedBlocks &+ counters.freedBlocks
      return events >= first.counters.allocatedBlocks &+ first.counters.freedBlocks &+ 4
    }
  }
}
