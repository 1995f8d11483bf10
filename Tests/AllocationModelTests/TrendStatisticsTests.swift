import AllocationModel
import TestSupport
import Testing

@Suite struct TrendStatisticsTests {
  @Test(arguments: [
    Simulation(rate: 1, meanLifetime: 3600), Simulation(rate: 2, meanLifetime: 7200),
    Simulation(rate: 20, meanLifetime: 300), Simulation(rate: 5, meanLifetime: 1800),
    Simulation(rate: 10, meanLifetime: 0.01),
  ])
  func `a stationary program is called growing in at most 3 percent of runs`(
    _ simulation: Simulation
  ) {
    #expect(growingShare(of: simulation, runs: 200, seed: 1) <= 0.03)
  }

  @Test(arguments: [
    Simulation(rate: 10, meanLifetime: 5, leakedShare: 0.2),
    Simulation(rate: 1, meanLifetime: 3600, leakedShare: 0.2, duration: 3600),
  ])
  func `a leak of every fifth block is called growing in at least 90 percent of runs`(
    _ simulation: Simulation
  ) {
    #expect(growingShare(of: simulation, runs: 200, seed: 2) >= 0.9)
  }

  @Test(arguments: [(5.0, 5.0), (8.0, 2.0), (2.0, 4.0), (0.5, 0.1)])
  func `the interval holds the true rate in at least 95 percent of runs`(
    births: Double,
    deaths: Double
  ) throws {
    var generator = SeededGenerator(seed: 30)
    let runs = 1000
    var hits = 0
    for _ in 0..<runs {
      let interval = 30.0
      let born = [10_000] + (0..<20).map { _ in generator.poisson(mean: births * interval) }
      let died = [0] + (0..<20).map { _ in generator.poisson(mean: deaths * interval) }
      let history = Simulation.accumulate(born: born, died: died, blockSize: 64)
      // The rate is read whatever the verdict: a settling site's is that of its recent half.
      let growth = try #require(lastSite(history, interval: interval)?.growth)
      if growth.low <= (births - deaths) * 64, (births - deaths) * 64 <= growth.high { hits += 1 }
    }
    #expect(Double(hits) / Double(runs) >= 0.95)
  }

  @Test func `bursts that cancel out are not called growing`() {
    var generator = SeededGenerator(seed: 4)
    var growing = 0
    let runs = 300
    for _ in 0..<runs {
      // A thousand blocks at once, freed at once some samples later.
      var born = [Int](repeating: 0, count: 31)
      var died = born
      for burst in stride(from: 0, to: 30, by: 1) where Bool.random(using: &generator) {
        born[burst] += 1000
        died[min(30, burst + Int.random(in: 1...6, using: &generator))] += 1000
      }
      let history = Simulation.accumulate(born: born, died: died, blockSize: 100)
      if lastSite(history)?.assessment.verdict == .growing { growing += 1 }
    }
    #expect(Double(growing) / Double(runs) <= 0.03)
  }

  @Test func `a hundred stationary sites together raise a false alarm as rarely as one`() {
    var generator = SeededGenerator(seed: 5)
    let runs = 20
    var alarms = 0
    for _ in 0..<runs {
      let simulation = Simulation(rate: 1, meanLifetime: 3600, sampleCount: 20)
      let histories = (0..<100).map { _ in simulation.counters(using: &generator) }
      var builder = SnapshotBuilder()
      var snapshot: Snapshot?
      for sample in 0...20 {
        let sites = histories.enumerated().map { site($1[sample], id: UInt64($0)) }
        snapshot = builder.fold(reading(at: Double(sample) * 30, sites))
      }
      if snapshot?.sites.contains(where: { $0.assessment.verdict == .growing }) == true {
        alarms += 1
      }
    }
    // Uncorrected, about nine runs of ten would raise one.
    #expect(alarms <= 2)
  }

  private func growingShare(of simulation: Simulation, runs: Int, seed: UInt64) -> Double {
    var generator = SeededGenerator(seed: seed)
    let growing = (0..<runs).count { _ in
      lastSite(
        simulation.counters(using: &generator),
        interval: simulation.duration / Double(simulation.sampleCount)
      )?
      .assessment.verdict == .growing
    }
    return Double(growing) / Double(runs)
  }
}
