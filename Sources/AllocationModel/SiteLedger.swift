/// The sites seen so far, each with its history and its last figures.
struct SiteLedger: Sendable {
  private struct Key: Hashable {
    var process: ProcessIdentity
    var id: SiteID
  }

  private struct Entry {
    var history = SiteHistory()
    var snapshot: SiteSnapshot
    /// The process has ended and its last reading is folded: the verdict stays what it was.
    var isFinal = false
    /// How many seconds the site had been quiet when it was judged; nil if it was not.
    var judgedQuiet: Double?
    /// The last reading this site was part of.
    var lastFold = 0

    var key: Key { Key(process: snapshot.process, id: snapshot.id) }
  }

  /// Sites kept of a process that has ended.
  static let endedSiteLimit = 20

  private var entries: [Entry] = []
  private var indicesByKey: [Key: Int] = [:]
  /// Where the site of each place in the last reading is; a reading usually has the same order as the one before.
  private var placement: [Int] = []
  /// The largest sites of processes that are not read any more.
  private var sitesOfEnded: [ProcessIdentity: [SiteSnapshot]] = [:]
  private var foldCount = 0

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
    var sites: [SiteSnapshot] = []
    sites.reserveCapacity(entries.count)
    for entry in entries { sites.append(entry.snapshot) }
    for kept in sitesOfEnded.values { sites += kept }
    return settings.order.ranked(sites)
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
    var readCount = 0
    for (place, reading) in readings.enumerated() {
      let index = self.index(of: reading, at: place)
      if entries[index].lastFold == foldCount {
        add(reading, to: index)
        continue
      }
      readCount += 1
      entries[index].lastFold = foldCount
      entries[index].snapshot.counters = reading.counters
      entries[index].snapshot.ending = reading.ending
      entries[index].snapshot.oldest = reading.oldest
      entries[index].snapshot.temporaryBlocks = reading.temporaryBlocks
      entries[index].snapshot.lifetimes = reading.lifetimes
      // A later reading may know names that an earlier one didn't.
      entries[index].snapshot.stack = reading.stack
    }
    placement.removeLast(max(0, placement.count - readings.count))
    return readCount
  }

  /// A second reading of a site that this fold has seen already.
  private mutating func add(_ reading: SiteReading, to index: Int) {
    let isLarger = reading.counters.freedBlocks > entries[index].snapshot.counters.freedBlocks
    entries[index].snapshot.counters += reading.counters
    entries[index].snapshot.temporaryBlocks &+= reading.temporaryBlocks
    if reading.ending != .complete { entries[index].snapshot.ending = reading.ending }
    entries[index].snapshot.oldest = [entries[index].snapshot.oldest, reading.oldest]
      .compactMap { $0 }.max()
    // Two distributions can't be added by their quantiles; the one of more blocks stands for both.
    if isLarger || entries[index].snapshot.lifetimes == nil {
      entries[index].snapshot.lifetimes = reading.lifetimes ?? entries[index].snapshot.lifetimes
    }
  }

  private mutating func index(of reading: SiteReading, at place: Int) -> Int {
    if place < placement.count, placement[place] < entries.count,
      case let known = placement[place], entries[known].snapshot.id == reading.id,
      entries[known].snapshot.process == reading.process
    {
      return known
    }
    let key = Key(process: reading.process, id: reading.id)
    let index = indicesByKey[key] ?? append(reading, key: key)
    if place < placement.count { placement[place] = index } else { placement.append(index) }
    return index
  }

  private mutating func append(_ reading: SiteReading, key: Key) -> Int {
    let snapshot = SiteSnapshot(
      id: reading.id,
      pid: reading.process.pid,
      startTicks: reading.process.startTicks,
      stack: reading.stack,
      counters: reading.counters,
      assessment: Assessment(verdict: .new, reason: "")
    )
    // It is read again.
    sitesOfEnded[reading.process] = nil
    entries.append(Entry(snapshot: snapshot))
    indicesByKey[key] = entries.count - 1
    return entries.count - 1
  }

  /// Sites that were not read keep their last figures: their process has ended.
  private mutating func judge(
    at elapsed: Double,
    ended: Set<ProcessIdentity>,
    settings: SnapshotBuilder.Settings
  ) {
    let strictness = Quantile.strictness(testing: activeSiteCount(settings))
    for index in entries.indices where !entries[index].isFinal {
      entries[index].snapshot.peakBytes = max(
        entries[index].snapshot.peakBytes, entries[index].snapshot.counters.liveBytes)
      entries[index].history.append(
        entries[index].snapshot.counters,
        at: elapsed,
        horizon: settings.horizon,
        sampleLimit: settings.sampleLimit
      )
      let quiet = entries[index].history.quietDuration
      let isFinal = ended.contains(entries[index].snapshot.process)
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
