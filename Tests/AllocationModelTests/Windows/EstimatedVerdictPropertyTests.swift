import AllocationModel
import Testing

/// From what windows of made-up programs record to the verdicts that people read.
@Suite struct EstimatedVerdictPropertyTests {
  private static let leak = SiteID(rawValue: 1)

  @Test(arguments: WindowedProgram.allCases)
  func `the leak is growing and nothing else is`(_ program: WindowedProgram) async {
    var found = 0
    var verdicts: [Verdict: Int] = [:]
    var alarms: [String] = []
    for seed in 40..<UInt64(50) {
      let rate = program.process(leak: 0, seed: seed).eventRate(0) / 2
      var run = EstimatedRun([
        program.process(leak: 0.02 * rate, seed: seed), program.process(leak: 0, seed: seed + 100),
      ])
      for _ in 0..<12 {
        await Task.yield()
        run.run(for: 10)
        alarms += run.snapshot.sites.filter {
          $0.assessment.verdict == .growing && ($0.id != Self.leak || $0.pid != 1)
        }.map { "seed \(seed) after \(run.snapshot.elapsed) s: \($0.pid) \($0.assessment)" }
      }
      for site in run.snapshot.sites where site.id != Self.leak {
        verdicts[site.assessment.verdict, default: 0] += 1
      }
      let first = run.snapshot.sites.first
      if first?.id == Self.leak, first?.pid == 1, first?.assessment.verdict == .growing {
        found += 1
      }
    }
    #expect(found >= 9)
    #expect(alarms.isEmpty)
    let all = verdicts.values.reduce(0, +)
    #expect(all >= 40)
    #expect((verdicts[.steady] ?? 0) * 10 >= all * 9, "\(verdicts)")
  }

  @Test func `a leak that is mended is settling, and then no longer`() async throws {
    // It stops after two minutes; the pool goes on.
    let sites: (Double) -> [SimulatedProcess.Site] = { leak in
      [
        SimulatedProcess.Site(kind: .leak, rate: leak, freeSite: 0),
        SimulatedProcess.Site(kind: .pool(4096), rate: 200e3, freeSite: 1),
        SimulatedProcess.Site(kind: .churn, rate: 1e6, freeSite: 2),
      ]
    }
    var builder = SnapshotBuilder()
    var balance = FlowBalance(horizon: 400)
    var verdicts: [Int: Verdict] = [:]
    var levelled = ""
    var leaking = WindowedRun(SimulatedProcess(sites(20_000), seed: 5))
    var mended = WindowedRun(SimulatedProcess(sites(0), seed: 6))
    for step in 0..<70 {
      await Task.yield()
      for _ in 0..<20 {
        leaking.program.advance(by: 0.49)
        mended.program.advance(by: 0.49)
        let old = leaking.program.record(seconds: 0.01)
        let new = mended.program.record(seconds: 0.01)
        balance.fold(step < 12 ? old : new)
      }
      let estimate = try #require(balance.estimate())
      guard let flow = estimate.sites.first(where: { $0.site == 0 }) else { continue }
      let site = SiteEstimate(
        flow: flow, elapsed: estimate.elapsed, windowCount: estimate.windowCount)
      let snapshot = builder.fold(
        reading(
          at: Double(step) * 10,
          [
            SiteReading(
              id: Self.leak, process: process, stack: [], counters: site.counters, estimate: site)
          ]))
      let assessment = try #require(snapshot.sites.first?.assessment)
      verdicts[step] = assessment.verdict
      if assessment.verdict == .settling { levelled = assessment.reason }
    }
    #expect(verdicts[10] == .growing)
    #expect(verdicts[25] == .settling)
    #expect(levelled.hasPrefix("grew ~"))
    #expect(verdicts[69] == nil, "no allocation is left in the horizon")
  }

  @Test func `what was allocated is estimated, and what is net is left of it`() async throws {
    for (program, seed) in zip(WindowedProgram.allCases, UInt64(60)...) {
      await Task.yield()
      let leakRate = 0.02 * program.process(leak: 0, seed: seed).eventRate(0)
      var run = EstimatedRun([program.process(leak: leakRate, seed: seed)])
      run.run(for: 60)
      let sites = run.processes[0].run.program.sites
      for site in run.snapshot.sites {
        let simulated = sites[Int(site.id.rawValue) - 1]
        let flow = try #require(site.estimate?.flow)
        let share = flow.allocatedBlocks / (simulated.rate * 60)
        // Where next to nothing gets on within a window, what is left of its time is less than the cost of events may be
        // off: by how much it is slowed is then known roughly.
        let tolerance = [.churn, .oneFree].contains(program) ? 5 : 1.3
        #expect(
          share < tolerance && share > 1 / tolerance,
          "\(program) \(site.id): \(share) of what came")
        #expect(
          abs(flow.allocatedBytes / flow.allocatedBlocks - Double(simulated.sizeClass - 16)) < 0.01)
        #expect(
          abs(Double(site.counters.liveBlocks) - max(0, flow.netBlocks.value)) <= 1)
      }
    }
  }
}
