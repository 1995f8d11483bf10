/// The sites seen so far, each with its history and its last figures.
struct SiteLedger: Sendable {
  /// Sites kept of a process that has ended.
  static let endedSiteLimit = 20

  /// Sites that are judged at one poll; when more of them move, each is judged every few polls only.
  private static let judgedLimit = 20_000

  private var entries: [SiteEntry] = []
  private var indicesByKey: [SiteEntry.Key: Int] = [:]
  /// Where the site of each place in the last reading is; a reading usually has the same order as the one before.
  private var placement: [Int] = []
  /// The largest sites of processes that are not read any more.
  private var sitesOfEnded: [ProcessIdentity: [SiteSnapshot]] = [:]
  private var foldCount = 0
  /// When the last reading was.
  private var lastElapsed = 0.0
  /// Sites of the last reading that enough happened in to say anything at all, and those that were to be judged.
  private var testedCount = 0
  private var dueCount = 0

  /// What is held, in sites and places.
  var heldCount: Int {
    entries.count + indicesByKey.count + placement.count
      + sitesOfEnded.values.reduce(0) { $0 + $1.count }
  }

  mutating func fold(
    _ readings: [SiteReading],
    at elapsed: Double,
    targets: TargetLedger.Result,
    settings: SnapshotBuilder.Settings
  ) -> [SiteSnapshot] {
    foldCount += 1
    let readCount = merge(readings)
    if readCount < entries.count { retireUnread(ended: targets.ended) }
    for process in targets.forgotten { sitesOfEnded[process] = nil }
    judge(at: elapsed, ended: targets.ended, settings: settings)
    return ranked(by: settings.order)
  }

  /// Everything, each site copied once.
  private func ranked(by order: SnapshotOrder) -> [SiteSnapshot] {
    let ended = sitesOfEnded.values.flatMap { $0 }
    let count = entries.count + ended.count
    return entries.withUnsafeBufferPointer { entries in
      var ranks: [SnapshotOrder.Rank] = []
      ranks.reserveCapacity(count)
      for index in entries.indices { ranks.append(order.rank(entries[index].snapshot, at: index)) }
      for index in ended.indices {
        ranks.append(order.rank(ended[index], at: entries.count + index))
      }
      ranks.sort { $0.precedes($1) }
      var sites: [SiteSnapshot] = []
      sites.reserveCapacity(count)
      for rank in ranks {
        sites.append(
          rank.index < entries.count
            ? entries[rank.index].snapshot : ended[rank.index - entries.count])
      }
      return sites
    }
  }

  /// A site that is no longer read is gone: its process runs another program now. Only a process that has
  /// ended and is not read at all any more keeps its last figures.
  private mutating func retireUnread(ended: Set<ProcessIdentity>) {
    var read: Set<ProcessIdentity> = []
    var unread: [Int] = []
    for index in entries.indices {
      if entries[index].lastFold == foldCount {
        if !ended.isEmpty { read.insert(entries[index].snapshot.process) }
      } else {
        unread.append(index)
      }
    }
    // From the last on, so that the entry that takes a place stays.
    for index in unread.reversed() {
      let snapshot = entries[index].snapshot
      let process = snapshot.process
      remove(at: index)
      if ended.contains(process), !read.contains(process) {
        sitesOfEnded[process, default: []].append(snapshot)
      }
    }
    for process in Set(sitesOfEnded.keys)
    where (sitesOfEnded[process]?.count ?? 0) > Self.endedSiteLimit {
      sitesOfEnded[process] = Array(
        SnapshotOrder.live.ranked(sitesOfEnded[process] ?? []).prefix(Self.endedSiteLimit))
    }
  }

  /// The last entry takes the place of the one that goes.
  private mutating func remove(at index: Int) {
    indicesByKey[entries[index].key] = nil
    entries.swapAt(index, entries.count - 1)
    entries.removeLast()
    if index < entries.count { indicesByKey[entries[index].key] = index }
  }

  /// Takes over the figures of one reading; two readings of one site in one process are summed.
  ///
  /// - Returns: how many sites were read.
  private mutating func merge(_ readings: [SiteReading]) -> Int {
    readings.withUnsafeBufferPointer { readings in
      for place in readings.indices { find(readings[place], at: place) }
      placement.removeLast(max(0, placement.count - readings.count))
      var readCount = 0
      let foldCount = foldCount
      entries.withUnsafeMutableBufferPointer { entries in
        for place in readings.indices {
          let index = placement[place]
          if entries[index].lastFold == foldCount {
            entries[index].add(readings[place])
          } else {
            entries[index].take(readings[place])
            entries[index].lastFold = foldCount
            readCount += 1
          }
        }
      }
      return readCount
    }
  }

  /// Notes at `placement` where the site of a reading is, or will be.
  private mutating func find(_ reading: borrowing SiteReading, at place: Int) {
    if place < placement.count, placement[place] < entries.count,
      case let known = placement[place], entries[known].snapshot.id == reading.id,
      entries[known].snapshot.pid == reading.process.pid,
      entries[known].snapshot.startTicks == reading.process.startTicks
    {
      return
    }
    let key = SiteEntry.Key(process: reading.process, id: reading.id)
    let index = indicesByKey[key] ?? append(reading, key: key)
    if place < placement.count { placement[place] = index } else { placement.append(index) }
  }

  private mutating func append(_ reading: borrowing SiteReading, key: SiteEntry.Key) -> Int {
    let snapshot = SiteSnapshot(
      id: reading.id,
      pid: reading.process.pid,
      startTicks: reading.process.startTicks,
      stack: reading.stack,
      counters: reading.counters,
      assessment: Assessment(verdict: .new, finding: .text(""))
    )
    // It is read again.
    sitesOfEnded[reading.process] = nil
    entries.append(SiteEntry(snapshot))
    indicesByKey[key] = entries.count - 1
    return entries.count - 1
  }

  /// Sites that were not read keep their last figures: their process has ended.
  private mutating func judge(
    at elapsed: Double,
    ended: Set<ProcessIdentity>,
    settings: SnapshotBuilder.Settings
  ) {
    let judge = TrendJudge(
      settings: settings, strictness: Quantile.strictness(testing: testedCount))
    // When very many sites move, each is judged every few polls only.
    let stride = 1 + dueCount / Self.judgedLimit
    let (foldCount, lastElapsed) = (foldCount, lastElapsed)
    var (tested, due) = (0, 0)
    entries.withUnsafeMutableBufferPointer { entries in
      for index in entries.indices {
        if entries[index].isTested { tested += 1 }
        guard !entries[index].isFinal else { continue }
        entries[index].note(at: elapsed, previous: lastElapsed, settings)
        let isFinal = !ended.isEmpty && ended.contains(entries[index].snapshot.process)
        guard isFinal || entries[index].nextJudging <= elapsed else { continue }
        due += 1
        guard isFinal || stride == 1 || (index &+ foldCount) % stride == 0 else { continue }
        entries[index].judge(judge, at: elapsed)
        entries[index].isFinal = isFinal
      }
    }
    testedCount = tested
    dueCount = due
    self.lastElapsed = elapsed
  }
}
