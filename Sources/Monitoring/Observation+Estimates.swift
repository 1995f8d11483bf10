import AllocationModel
import AllocationProbes
import LinuxSystem
import Processes

// MARK: - What observation within a budget shows

extension Observation {
  /// Nothing is counted; figures are estimates from windows.
  var isWindowed: Bool { budgeted.map { !$0.isCounting } ?? false }

  /// The row of a process that is observed, or was, and its sites as windows show them: none where every call is counted.
  ///
  /// - Parameter counted: its totals, where every call is.
  func row(
    of process: ObservedProcess, counted: AllocationCounters
  ) -> (target: TargetSnapshot, sites: [SiteReading]) {
    let estimate = isWindowed ? budgeted?.flows[process.slot]?.estimate() : nil
    let sites = estimate.map { siteReadings($0, of: process) } ?? []
    let totals =
      estimate == nil ? counted : sites.reduce(AllocationCounters()) { $0 + $1.counters }
    var target = target(process, totals)
    describeCost(&target, estimate, of: process.slot)
    return (target, sites)
  }

  /// What observing costs a process, as its row says it: what it did, once it has ended.
  private func describeCost(
    _ target: inout TargetSnapshot, _ estimate: FlowEstimate?, of slot: ProcessSlot
  ) {
    guard let budgeted else { return }
    let now = SystemClock.monotonicNanoseconds
    switch target.mode {
    case .exact:
      guard !target.hasExited else { return }
      target.costShare = budgeted.governor.costShare(at: now)
    case .windows:
      if !target.hasExited || processes[slot]?.windows.shares == nil {
        processes[slot]?.windows.note(
          openShare: budgeted.governor.openShare(at: now),
          costShare: budgeted.governor.costShare(at: now)
            + budgeted.attention.costShare(of: target.process, at: now))
      }
      target.windows = processes[slot]?.windows.use(
        budget: budgeted.governor.settings.budget, estimate)
    case .census: break
    }
  }

  /// How much anonymous memory processes have, for the scale of what windows show.
  func noteLevels(_ rows: [ProcessCensus.Row]) {
    guard isWindowed else { return }
    let now = SystemClock.monotonicNanoseconds
    for row in rows {
      guard let slot = slotsByPid[row.identity.pid] else { continue }
      budgeted?.flows[slot]?.note(level: row.memory.anonymousBytes, at: now)
    }
  }

  /// The sites of one process as windows show them.
  private func siteReadings(
    _ estimate: FlowEstimate, of process: ObservedProcess
  ) -> [SiteReading] {
    guard let sites = budgeted?.flows[process.slot]?.builder.sites else { return [] }
    var endings: [SiteID: StackEnding] = [:]
    for stack in process.stacks.values { endings[stack.site] = stack.ending }
    return estimate.sites.map { site in
      let id = SiteID(rawValue: sites[Int(site.site)])
      let figures = SiteEstimate(
        flow: site, elapsed: estimate.elapsed, windowCount: estimate.windowCount)
      return SiteReading(
        id: id, process: process.identity,
        stack: endings[id] == nil ? [] : stacks.firstFrame(of: id),
        ending: endings[id] ?? .notReceived, counters: figures.counters, estimate: figures)
    }
  }
}
