import AllocationModel
import AllocationProbes
import LinuxSystem
import Processes

// MARK: - What observation within a budget shows

extension Observation {
  /// Why the last window that was for a process has not seen it.
  func windowRefusal(of process: ObservedProcess) -> String? {
    isWindowed ? budgeted?.failures.refusal(among: process.executableMappings) : nil
  }

  /// Nothing is counted; figures are estimates from windows.
  var isWindowed: Bool { budgeted?.governor.mode == .windows }

  /// What observing costs the targets, as each of their rows says it.
  func describeCost(_ target: inout TargetSnapshot, _ estimate: FlowEstimate?) {
    guard let budgeted, !target.hasExited else { return }
    let governor = budgeted.governor
    let now = SystemClock.monotonicNanoseconds
    switch target.mode {
    case .exact: target.costShare = governor.costShare(at: now)
    case .windows:
      target.windows = WindowUse(
        count: governor.windowCount - budgeted.failures.count, failedCount: budgeted.failures.count,
        failure: budgeted.failures.last, openShare: governor.openShare(at: now),
        costShare: governor.costShare(at: now)
          + budgeted.attention.costShare(of: target.process, at: now),
        budget: governor.settings.budget,
        unattributedFrees: estimate?.unattributedFrees ?? 0, netBytes: estimate?.netBytes,
        elapsed: estimate?.elapsed)
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

  /// What windows show of each process.
  func estimates() -> [ProcessSlot: FlowEstimate] {
    isWindowed ? budgeted?.flows.compactMapValues { $0.estimate() } ?? [:] : [:]
  }

  /// The sites of one process as windows show them.
  func siteReadings(
    _ estimate: FlowEstimate, of slot: ProcessSlot, _ process: ObservedProcess
  ) -> [SiteReading] {
    guard let sites = budgeted?.flows[slot]?.builder.sites else { return [] }
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
