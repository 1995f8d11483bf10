import AllocationModel
import Foundation
import TestSupport
import Testing

/// Made-up programs, many seeds: what windows say of them against what they did.
///
/// Computing all the time, they leave processors to other tests between two seeds. `HEAPTAP_SIMULATE=1` has the many seeds of
/// minutes without a leak.
@Suite struct FlowBalancePropertyTests {
  private static let isThorough = ProcessInfo.processInfo.environment["HEAPTAP_SIMULATE"] != nil

  private static let leakBlockRate = 50_000.0 / 48

  @Test func `a leak of 50 KB a second among 25 million allocations ranks first within 30 seconds`()
    async
  {
    var found = 0
    for seed in 0..<UInt64(20) {
      await Task.yield()
      var run = WindowedRun(WindowedProgram.churn.process(leak: Self.leakBlockRate, seed: seed))
      run.run(for: 30)
      if run.balance.estimate()?.sites.first?.site == 0 { found += 1 }
    }
    #expect(found >= 18)
  }

  @Test(arguments: WindowedProgram.allCases)
  func `nothing grows for five minutes in a program without a leak`(_ program: WindowedProgram)
    async
  {
    var alarms: [String] = []
    for seed in 0..<UInt64(Self.isThorough ? 20 : program == .churn ? 5 : 2) {
      var run = WindowedRun(program.process(leak: 0, seed: seed))
      while run.program.now < 300 {
        await Task.yield()
        run.run(for: 10)
        alarms += (run.balance.estimate()?.growing ?? []).map {
          "seed \(seed) after \(run.program.now) s: site \($0.site) \($0.netBlocks)"
        }
      }
    }
    #expect(alarms.isEmpty)
  }

  @Test(arguments: WindowedProgram.allCases)
  func `intervals of 95 percent hold the truth in 90 percent`(_ program: WindowedProgram) async {
    var (covered, all) = (0, 0)
    var misses: [String] = []
    for seed in 100..<UInt64(program == .churn ? 110 : 120) {
      await Task.yield()
      var run = WindowedRun(program.process(leak: 20_000, seed: seed))
      run.run(for: 40)
      for site in run.balance.estimate()?.sites ?? [] {
        let truth = Double(run.program.net[Int(site.site)])
        let isCovered = site.netBlocks.low <= truth && truth <= site.netBlocks.high
        all += 1
        covered += isCovered ? 1 : 0
        if !isCovered { misses.append("seed \(seed): \(site) but \(truth)") }
      }
    }
    #expect(all > 20)
    #expect(Double(covered) >= 0.9 * Double(all), "\(misses.joined(separator: "\n"))")
  }

  @Test(arguments: WindowedProgram.allCases)
  func `the growth of the whole heap lies in its interval nine times of ten`(
    _ program: WindowedProgram
  ) async throws {
    var misses: [String] = []
    let runs = program == .churn ? 20 : 40
    for seed in 200..<UInt64(200 + runs) {
      await Task.yield()
      var run = WindowedRun(program.process(leak: 20_000, seed: seed))
      run.run(for: 30)
      let net = try #require(run.balance.estimate()).netBytes
      let truth = run.program.netBytes
      if truth < net.low || net.high < truth { misses.append("seed \(seed): \(net) but \(truth)") }
    }
    #expect(misses.count <= runs / 10, "\(misses.joined(separator: "\n"))")
  }

  @Test(arguments: WindowedProgram.allCases)
  func `a leak of two percent of the allocations is growing within two minutes`(
    _ program: WindowedProgram
  ) async {
    var found = 0
    for seed in 0..<UInt64(10) {
      await Task.yield()
      let rate = program.process(leak: 0, seed: seed).eventRate(0) / 2
      var run = WindowedRun(program.process(leak: 0.02 * rate, seed: seed))
      run.run(for: 120)
      if run.balance.estimate()?.growing.first?.site == 0 { found += 1 }
    }
    #expect(found >= 9)
  }

  /// A list in one block, which each call makes 100 bytes larger, under an allocator that keeps no sizes: of the first
  /// resize of a window nobody knows what the block had before.
  @Test func `blocks that are made larger bit by bit grow by as much as that`() throws {
    var balance = FlowBalance()
    for window in 0..<20 {
      var reading = WindowReading(
        process: ProcessIdentity(pid: 1, startTicks: 1),
        opened: UInt64(window) * 1_000_000_000, recordedNanoseconds: 10_000_000)
      let first = UInt64(window) * 100_000
      let sizes = (1...10).map { first + UInt64($0) * 100 }
      reading.threads = [ThreadCell(thread: 1, eventCount: 20)]
      reading.allocations = [
        AllocationCell(
          thread: 1, site: 0, sizeClass: 0, blocks: 10, bytes: sizes.reduce(0, +))
      ]
      reading.matchedFrees = [
        MatchedCell(
          thread: 1, site: 0, freeSite: 3, sizeClass: 0, blocks: 9,
          bytes: sizes.dropLast().reduce(0, +))
      ]
      reading.unknownFrees = [UnknownCell(thread: 1, freeSite: 3, sizeClass: 0, blocks: 1)]
      reading.resizes = [
        ResizeCell(thread: 1, freeSite: 3, known: 9, growth: 900, unknown: 1, bytes: sizes[0])
      ]
      balance.fold(reading)
    }
    // 10 ms of each second: 100 times 20 windows of 1000 bytes.
    let net = try #require(balance.estimate()).netBytes
    #expect(abs(net.value - 2_000_000) < 1)
  }
}
