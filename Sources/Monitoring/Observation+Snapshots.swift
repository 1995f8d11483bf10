package import AllocationModel
import AllocationProbes
import LinuxSystem
import Processes

// MARK: - Snapshots

extension Observation {
  /// Modules whose debug information turned out to be unreadable since this was asked last, by path.
  package func takeSourceFailures() -> [String: String] { sources.takeFailures() }

  /// Reads all counters and folds them into the picture so far.
  ///
  /// Lines and merged calls that are still to be read are waited for longer if it `isLast`.
  package func takeSnapshot(isLast: Bool = false) -> Snapshot {
    let beginning = elapsed
    defer { lastSnapshotDuration = elapsed - beginning }
    handleNewEvents()
    finishEnded()
    // A stack is handed over before its counters rise, so events taken after the counters name all of them.
    let counters = isWindowed ? [] : session.readStacks()
    handleNewEvents()
    let rows = takeCensus()
    refreshProcesses()
    noteLevels(rows)
    var snapshot = builder.fold(reading(counters, rows))
    if let found = inspections?.found, !found.isEmpty {
      snapshot.add(found, order: options.order)
    }
    considerInspection(snapshot)
    if scope.probeScope != .named {
      let suspects = snapshot.sites.lazy.filter { $0.assessment.verdict.isSuspicious }
      budgeted?.attention.update(snapshot.targets, named: Set(suspects.map(\.process)))
    }
    session.retireCode()
    sweepStacks(snapshot)
    var shown = snapshot
    if let minimum = options.minimumAge {
      // Windows tell no ages.
      shown.sites.removeAll { $0.estimate == nil && ($0.oldest ?? -1) < minimum }
    }
    sources.name(&shown, siteCount: options.namedSiteCount, isLast: isLast, stacks)
    return shown
  }

  private func reading(_ counters: [StackCounters], _ rows: [ProcessCensus.Row]) -> Reading {
    var reading = Reading(
      unixNanoseconds: SystemClock.unixNanoseconds, elapsed: elapsed,
      lost: session.readUnattributedLosses() + lostBefore)
    reading.targets = finished.targets
    reading.sites = finished.sites
    reading.mappings = finished.mappings
    finished = FinishedProcesses()
    let ages = isWindowed ? [:] : session.readLiveBlocks()
    var totals: [ProcessSlot: AllocationCounters] = [:]
    reading.sites.reserveCapacity(reading.sites.count + counters.count)
    for stack in counters {
      guard let process = processes[stack.process], !process.isReplaced else { continue }
      totals[stack.process, default: AllocationCounters()] += stack.counters
      guard stack.counters.allocatedBlocks > 0 else { continue }
      reading.sites.append(
        siteReading(stack, of: process, oldest: ages[stack.stack]?.oldest))
    }
    for (slot, process) in processes where !process.isReplaced {
      reading.lost = reading.lost + losses(of: slot, process)
      var row = row(of: process, counted: totals[slot] ?? AllocationCounters())
      row.target.inspectionObstacle = inspections?.failures[process.identity]
      reading.targets.append(row.target)
      reading.sites += row.sites
      reading.mappings += mappingReadings(of: process)
    }
    reading.targets += rows.filter(isUnobserved).map(target)
    reading.targets.sort { ($0.pid, $0.hasExited ? 0 : 1) < ($1.pid, $1.hasExited ? 0 : 1) }
    return reading
  }

  /// Those of all processes, of which nobody has any more, are forgotten.
  private func sweepStacks(_ snapshot: Snapshot) {
    guard stacks.isWorthSweeping else { return }
    var kept = Set(snapshot.sites.map(\.id)).union(snapshot.mappings.map(\.id))
    for process in processes.values { kept.formUnion(process.stacks.values.lazy.map(\.site)) }
    stacks.keep(kept)
  }

  // MARK: Processes

  /// Looks at all processes in scope from outside.
  private func takeCensus() -> [ProcessCensus.Row] {
    let isEverything = scope == .everything
    let pids =
      isEverything
      ? (try? ProcessDirectory.allPids()) ?? []
      : processes.values.lazy.filter { !$0.hasExited }.map(\.identity.pid).sorted()
    let rows = census.take(pids)
    for (slot, process) in processes where !process.hasExited {
      if let row = census.row(of: process.identity.pid), row.identity == process.identity {
        processes[slot]?.census = row
        processes[slot]?.name = row.name
      } else {
        // Nothing has told of its end.
        session.endCounting(slot, pid: process.identity.pid)
        note(.ended(status: nil, isOutOfMemory: false), of: slot)
      }
    }
    if case .cgroup(let group) = scope { followMoves(members: Set(group.pids())) }
    if isEverything { adoptUnannounced(rows) }
    return rows
  }

  /// Processes that are targets though nothing has told of them, as there was no room for the event.
  ///
  /// Only those that were missing last time, too: the event may be on its way.
  private func adoptUnannounced(_ rows: [ProcessCensus.Row]) {
    let missing = rows.filter { isUnobserved($0) && !isOwn($0) }
    for row in missing where unannounced.contains(row.identity) {
      if let slot = session.slot(ofPid: row.identity.pid) { adopt(slot, row) }
    }
    unannounced = Set(missing.lazy.map(\.identity))
  }

  /// Processes may be moved into the cgroup and out of it.
  private func followMoves(members: Set<Int32>) {
    for (slot, process) in processes
    where !process.hasExited && !members.contains(process.identity.pid) {
      session.endCounting(slot, pid: process.identity.pid)
      note(.leftScope, of: slot)
    }
    if members.contains(where: { slotsByPid[$0] == nil }) { addRunning() }
  }

  /// How many processes' mappings are read though nothing is known to have changed.
  private static let routineReadings = 16
  /// Snapshots after which they are.
  private static let routineAge = 8

  /// Reads the mappings of those processes where that is due.
  private func refreshProcesses() {
    var due = processes.values.filter { !$0.hasExited && $0.hasNewMappings }.map(\.slot)
    let others = processes.values.filter {
      !$0.hasExited && !$0.hasNewMappings && isRoutinelyDue($0)
    }
    due += others.sorted { $0.mappingsAge > $1.mappingsAge }.prefix(Self.routineReadings)
      .map(\.slot)
    for slot in processes.keys {
      processes[slot]?.mappingsAge += 1
      // Code of unknown origin is looked at now and then.
      session.allowDeferrals(1, of: slot)
    }
    for slot in due { refreshMappings(of: slot) }
    for slot in processes.keys { noteVisibility(of: slot) }
  }

  private func isRoutinelyDue(_ process: ObservedProcess) -> Bool {
    scope.probeScope == .named || process.mappingsAge >= Self.routineAge
  }

  // MARK: Rows

  func siteReading(
    _ stack: StackCounters, of process: ObservedProcess, oldest: Double?
  ) -> SiteReading {
    var reading = siteReading(stack.stack, of: process, stack.counters)
    reading.oldest = oldest
    reading.temporaryBlocks = stack.temporaryBlocks
    reading.lifetimes = stack.lifetimes
    return reading
  }

  private func siteReading(
    _ slot: StackSlot, of process: ObservedProcess, _ counters: AllocationCounters
  ) -> SiteReading {
    // A stack whose frames have not arrived yet counts, under a site without frames. All but the first frame are
    // filled in where they are shown.
    let known = process.stacks[slot]
    return SiteReading(
      id: known?.site ?? SiteID(rawValue: 0), process: process.identity,
      stack: known.map { stacks.firstFrame(of: $0.site) } ?? [],
      ending: known?.ending ?? .notReceived, counters: counters)
  }

  func losses(of slot: ProcessSlot, _ process: ObservedProcess) -> LossCounts {
    session.readProcess(slot).lost.since(process.lossesOfDetaching)
      + LossCounts(byReason: [.mappingLimit: process.lostMappings])
  }

  func mappingReadings(of process: ObservedProcess) -> [SiteReading] {
    process.mappings.countersBySite.map { siteReading($0.key, of: process, $0.value) }
  }

  /// A process that is observed, or was.
  func target(_ process: ObservedProcess, _ totals: AllocationCounters) -> TargetSnapshot {
    let counters = session.readProcess(process.slot)
    let row = process.census
    // Its mappings may have been read before its libraries were loaded, and not again before its end.
    let isVisible = process.hasVisibleAllocator || totals.allocatedBlocks > 0
    return TargetSnapshot(
      pid: process.identity.pid, startTicks: process.identity.startTicks, name: process.name,
      parent: row?.parent, executable: row?.executable, cgroup: row?.cgroup,
      mode: isVisible ? mode : .census, counters: totals,
      inheritedFrees: counters.inheritedFrees, unknownFrees: counters.unknownFrees,
      failedAllocations: counters.failedCalls, residentBytes: row?.memory.residentBytes,
      residentAnonymousBytes: row?.memory.anonymousBytes,
      residentAnonymousBytesAtStart: process.anonymousBytesAtStart,
      heapBytes: row?.memory.dataBytes, isFromStart: process.isFromStart,
      hasExited: process.hasExited, ending: ending(of: process),
      hasVisibleAllocator: isVisible,
      obstacle: process.obstacle
        ?? (isWindowed && !process.hasExited ? process.windows.refusal : nil))
  }

  /// How processes are observed whose allocator is probed.
  private var mode: TargetSnapshot.Mode {
    guard isWindowed else { return .exact }
    return budgeted?.windows == nil ? .census : .windows
  }

  private func ending(of process: ObservedProcess) -> ProcessEnding? {
    guard case .ended(let status?, let isOutOfMemory) = process.departure else { return nil }
    if isOutOfMemory { return .outOfMemory }
    // wait(2): the signal in the low seven bits, the exit status above the next.
    let signal = status & 0x7f
    return signal == 0 ? .exited(status: (status >> 8) & 0xff) : .killed(signal: signal)
  }

  private func isUnobserved(_ row: ProcessCensus.Row) -> Bool {
    slotsByPid[row.identity.pid].flatMap { processes[$0] }.map { $0.identity != row.identity }
      ?? true
  }

  /// A process that is looked at from outside only.
  private func target(_ row: ProcessCensus.Row) -> TargetSnapshot {
    TargetSnapshot(
      pid: row.identity.pid, startTicks: row.identity.startTicks, name: row.name,
      parent: row.parent, executable: row.executable, cgroup: row.cgroup, mode: .census,
      residentBytes: row.memory.residentBytes, residentAnonymousBytes: row.memory.anonymousBytes,
      heapBytes: row.memory.dataBytes, hasVisibleAllocator: false)
  }
}
