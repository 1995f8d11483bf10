import AllocationModel
import TestSupport

/// Programs that windows have to tell apart; their sites are drawn anew for each seed.
enum WindowedProgram: String, CaseIterable {
  /// 25 million allocations a second: churn and a pool of one size, and a cache (`churn_and_leak.c`).
  case churn
  /// One call frees everything: the blocks of churn, of a pool and of a cache.
  case oneFree
  /// Pools and caches whose blocks outlive every window, all of one size.
  case longLived
  /// A thread that computes, and one that waits for a timer, with sites of the same size.
  case timer
  /// A queue that fills and empties.
  case waves

  /// - Parameter leak: blocks a second that are kept for good, by site 0.
  func process(leak: Double, seed: UInt64) -> SimulatedProcess {
    var generator = SeededGenerator(seed: seed &* 77)
    func around(_ value: Double) -> Double {
      value * Double.random(in: 0.5..<2, using: &generator)
    }
    typealias Site = SimulatedProcess.Site
    var sites = [Site(kind: .leak, rate: leak, freeSite: 0)]
    var isBusy = [true]
    switch self {
    case .churn:
      sites += [
        Site(kind: .churn, rate: 23.7e6, freeSite: 1),
        Site(kind: .pool(4096), rate: 1.18e6, freeSite: 2),
        Site(kind: .cache(20_000), rate: 118e3, sizeClass: 208, freeSite: 3),
      ]
    case .oneFree:
      sites += [
        Site(kind: .churn, rate: around(2e6), freeSite: 1),
        Site(kind: .pool(4096), rate: around(200e3), freeSite: 1),
        Site(kind: .cache(20_000), rate: around(50e3), freeSite: 1),
      ]
    case .longLived:
      sites += [
        Site(kind: .cache(50_000), rate: around(5e3), freeSite: 1),
        Site(kind: .cache(20_000), rate: around(20e3), freeSite: 2),
        Site(kind: .pool(50_000), rate: around(20e3), freeSite: 3),
        Site(kind: .churn, rate: around(1e5), freeSite: 4),
      ]
    case .timer:
      isBusy = [true, false]
      sites += [
        Site(kind: .churn, rate: around(1e6), freeSite: 1),
        Site(kind: .pool(4096), rate: around(100e3), freeSite: 2),
        Site(kind: .pool(1000), rate: around(1000), freeSite: 3, thread: 1),
      ]
    case .waves:
      sites += [
        Site(kind: .backlog(share: 0.8, period: 20), rate: around(5e3), freeSite: 1),
        Site(kind: .churn, rate: around(1e5), freeSite: 2),
      ]
    }
    return SimulatedProcess(sites, isBusy: isBusy, seed: seed)
  }
}

/// One process and what its windows have said so far.
struct WindowedRun {
  var program: SimulatedProcess
  var balance = FlowBalance()
  /// Seconds.
  var length = 0.01
  var period = 0.5

  init(_ program: SimulatedProcess) { self.program = program }

  mutating func run(for seconds: Double) {
    let end = program.now + seconds
    while program.now < end {
      program.advance(by: period - length)
      balance.fold(
        balance.wantsLightWindow
          ? program.recordLight(seconds: length) : program.record(seconds: length))
    }
  }
}
