import AllocationModel

/// Processes that are observed in windows, and what is said of their sites.
struct EstimatedRun {
  private(set) var processes: [(identity: ProcessIdentity, run: WindowedRun)]
  private var builder = SnapshotBuilder()
  private(set) var snapshot = Snapshot(unixNanoseconds: 0, elapsed: 0)

  init(_ programs: [SimulatedProcess]) {
    processes = programs.enumerated().map { index, program in
      (ProcessIdentity(pid: Int32(index + 1), startTicks: 7), WindowedRun(program))
    }
  }

  /// Sites are numbered from 1, so the leak is site 1.
  mutating func run(for seconds: Double) {
    for index in processes.indices { processes[index].run.run(for: seconds) }
    snapshot = builder.fold(
      reading(
        at: processes.first?.run.program.now ?? 0, processes.flatMap { readings(of: $0) },
        targets: processes.map { target($0.identity) }))
  }

  private func readings(of process: (identity: ProcessIdentity, run: WindowedRun)) -> [SiteReading]
  {
    guard let estimate = process.run.balance.estimate() else { return [] }
    return estimate.sites.map { flow in
      let site = SiteEstimate(
        flow: flow, elapsed: estimate.elapsed, windowCount: estimate.windowCount)
      return SiteReading(
        id: SiteID(rawValue: UInt64(flow.site) + 1), process: process.identity, stack: [],
        counters: site.counters, estimate: site)
    }
  }
}
