import AllocationModel
import AllocationProbes
import LinuxSystem
import Processes

// MARK: - What observation within a budget shows

extension Observation {
  /// Nothing is counted; figures are estimates from windows.
  var isWindowed: Bool { budgeted.map { !$0.isCounting } ?? false }

  /// What observing costs a process, as its row says it: what it did, once it has ended.
  func describeCost(
    _ target: inout TargetSnapshot, _ estimate: FlowEstimate?, of slot: ProcessSlot
  ) {
    guard let governor = budgeted?.governor else { return }
    switch target.mode {
    case .exact:
      guard !target.hasExited else { return }
      target.costShare = governor.costShare(at: SystemClock.monotonicNanoseconds)
    case .windows:
      if !target.hasExited || processes[slot]?.windows.use == nil {
        let use = windowUse(of: slot)
        processes[slot]?.windows.use = use
      }
      target.windows = processes[slot]?.windows.described
      target.windows?.unattributedFrees = estimate?.unattributedFrees ?? 0
      target.windows?.netBytes = estimate?.netBytes
      target.windows?.elapsed = estimate?.elapsed
    case .census: break
    }
  }

  /// What windows cost a process by now; how many there were is counted with the process.
  private func windowUse(of slot: ProcessSlot) -> WindowUse? {
    guard let budgeted, let process = processes[slot] else { return nil }
    let governor = budgeted.governor
    let now = SystemClock.monotonicNanoseconds
    return WindowUse(
      count: 0, openShare: governor.openShare(at: now),
      costShare: governor.costShare(at: now)
        + budgeted.attention.costShare(of: process.identity, at: now),
      budget: governor.settings.budget)
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

  /// What windows show of a process; nil where they show nothing yet.
  func estimate(of slot: ProcessSlot) -> FlowEstimate? {
    isWindowed ? budgeted?.flows[slot]?.estimate() : nil
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
