import AllocationModel
import TestSupport
import Testing

/// A program that is observed as a governor says, and how much of its time that costs.
private struct GovernedProgram {
  /// Calls per second at a time in seconds, undisturbed, of its busiest thread.
  var rate: @Sendable (Double) -> Double
  /// Seconds that a call really takes when it is observed, and that we believe it takes.
  var cost = 2e-6
  var believedCost = 2e-6
  var threads = 1.0
  /// Of a core: the rest of the time others run.
  var processorShare = 1.0
  /// Seconds until probes are gone.
  var detaching = 0.04

  private static let check = 0.02
  private static let step = 0.001

  /// Seconds lost, seconds in each mode, windows, changes of mode and the longest slow time, over so many seconds.
  struct Outcome {
    var lost = 0.0
    var exact = 0.0
    var windows = 0
    var changes = 0
    var longestSlow = 0.0
  }

  func run(_ settings: Governor.Settings, for seconds: Double) -> Outcome {
    var governor = Governor(settings, at: nanoseconds(0))
    var outcome = Outcome()
    var time = 0.0
    while time < seconds {
      let mode = governor.mode
      if mode == .exact {
        let lost = lost(from: time, for: Self.check)
        outcome.lost += lost
        outcome.exact += Self.check
        let calls = lost / cost * threads
        time += Self.check
        governor.note(delay: calls * believedCost, at: nanoseconds(time))
        if governor.mode == .windows {
          let slow = self.lost(from: time, for: detaching)
          outcome.lost += slow
          outcome.longestSlow = max(outcome.longestSlow, slow + lost)
        }
      } else if let next = governor.nextWindow(after: nanoseconds(time)) {
        let start = Double(next) / 1e9 - 1
        if start > time + 0.1 {
          time += 0.1
          continue
        }
        time = start
        let open = settings.windowLength
        let lost = lost(from: time + 0.005, for: open) * processorShare
        outcome.lost += lost + min(1, rate(time) * cost) * settings.edge * processorShare
        outcome.longestSlow = max(outcome.longestSlow, lost)
        governor.note(
          Governor.Window(
            opened: nanoseconds(time + 0.005),
            closed: nanoseconds(time + 0.005 + open),
            detached: nanoseconds(time + 0.04 + open), ownSeconds: 0.003,
            busiestProcessDelay: lost / cost * threads * believedCost,
            busiestThreadDelay: lost / cost * believedCost,
            processorShare: processorShare))
        outcome.windows += 1
        time += 0.04 + open
      } else {
        governor.retryWithoutWindows(at: nanoseconds(time))
        time += 0.1
      }
      if governor.mode != mode { outcome.changes += 1 }
    }
    return outcome
  }

  private func lost(from start: Double, for length: Double) -> Double {
    var lost = 0.0
    var time = start
    while time < start + length {
      let step = min(Self.step, start + length - time)
      let rate = rate(time)
      // A call takes its own time and what observing it costs.
      lost += step * rate * cost / (1 + rate * cost)
      time += Self.step
    }
    return lost
  }

  private func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(1e9 * (seconds + 1)) }
}

@Suite struct GovernorTests {
  private static let rates: [(name: String, rate: @Sendable (Double) -> Double)] = [
    ("25 million calls a second", { _ in 25e6 }),
    ("300,000", { _ in 300_000 }),
    ("20,000", { _ in 20_000 }),
    ("8,000", { _ in 8000 }),
    ("100", { _ in 100 }),
    ("idle, then full speed", { $0 < 60 ? 0 : 25e6 }),
    ("bursts of 100 ms each second", { $0.truncatingRemainder(dividingBy: 1) < 0.1 ? 5e6 : 0 }),
    ("bursts of 5 s each minute", { $0.truncatingRemainder(dividingBy: 60) < 5 ? 5e6 : 50 }),
    ("bursts of 20 s, 30 s apart", { $0.truncatingRemainder(dividingBy: 50) < 20 ? 1e6 : 50 }),
  ]

  @Test(arguments: [0.005, 0.02, 0.05])
  func `no program loses more than its budget, whatever its rate`(budget: Double) {
    for (name, rate) in Self.rates {
      for believed in [1.4e-6, 2e-6, 3e-6] {
        let settings = Governor.Settings(budget: budget)
        let outcome = GovernedProgram(rate: rate, believedCost: believed).run(settings, for: 600)
        #expect(
          outcome.lost <= budget * 600,
          "\(name), believed \(believed): \(outcome.lost / 600), \(outcome)")
      }
    }
  }

  @Test(arguments: [0.15, 0.4, 0.7])
  func `what a thread may lose is a share of its own time`(processorShare: Double) {
    let settings = Governor.Settings(budget: 0.02)
    let outcome = GovernedProgram(rate: { _ in 25e6 }, processorShare: processorShare)
      .run(settings, for: 600)
    let share = outcome.lost / (600 * processorShare)
    #expect((0.008...0.02).contains(share), "\(share), \(outcome)")
  }

  @Test func `the time that probes were there outside of a window is paid for`() throws {
    func next(_ outsideSeconds: Double) -> UInt64? {
      var governor = Governor(Governor.Settings(budget: 0.02), at: 0)
      governor.note(
        Governor.Window(
          opened: 10_000_000, closed: 20_000_000, detached: 50_000_000,
          ownSeconds: 0, busiestProcessDelay: 0.04, busiestThreadDelay: 0.04,
          outsideSeconds: outsideSeconds))
      return governor.nextWindow(after: 50_000_000)
    }
    let (none, some) = (try #require(next(0)), try #require(next(0.03)))
    // 30 ms, of which no more than eight tenths of the budget are spent.
    #expect((1.87...1.88).contains(Double(some - none) / 1e9))
  }

  @Test func `a few thousand calls a second are counted exactly, and millions in windows`() {
    let settings = Governor.Settings(budget: 0.02)
    let slow = GovernedProgram(rate: { _ in 3000 }).run(settings, for: 60)
    #expect(slow.windows == 1)
    #expect(slow.exact > 59)
    let fast = GovernedProgram(rate: { _ in 25e6 }).run(settings, for: 60)
    #expect(fast.exact == 0)
    // As many windows as the budget has room for.
    #expect(fast.lost > 0.013 * 60)
    #expect((85...115).contains(fast.windows), "\(fast.windows)")
  }

  @Test func `where windows cost little, more are opened`() {
    let settings = Governor.Settings(budget: 0.02)
    let some = GovernedProgram(rate: { _ in 30_000 }).run(settings, for: 60)
    #expect(some.exact == 0)
    // Our own time is the limit: 3 ms a window and 10 ms a second.
    #expect((160...200).contains(some.windows), "\(some.windows)")
  }

  @Test func `a burst after a quiet time is let go soon, and modes do not flutter`() {
    let settings = Governor.Settings(budget: 0.02)
    let burst = GovernedProgram(rate: { $0 < 60 ? 0 : 25e6 }).run(settings, for: 120)
    #expect(burst.longestSlow < 0.1, "\(burst)")
    #expect(burst.changes == 2)
    let bursts = GovernedProgram(
      rate: { $0.truncatingRemainder(dividingBy: 20) < 2 ? 5e6 : 50 })
    // Each attempt that fails makes the next one wait for twice as long.
    #expect(bursts.run(settings, for: 3600).changes < 30)
  }

  @Test func `without windows a busy program is left alone after a burst`() {
    var settings = Governor.Settings(budget: 0.02)
    settings.hasWindows = false
    let outcome = GovernedProgram(rate: { _ in 5e6 }).run(settings, for: 600)
    #expect(outcome.windows == 0)
    #expect(outcome.lost <= 0.02 * 600)
    #expect(outcome.changes > 2)
  }

  @Test func `its share of our own time bounds how often windows are opened`() {
    var governor = Governor(Governor.Settings(budget: 0.05), at: 0)
    governor.note(
      Governor.Window(
        opened: 10_000_000, closed: 20_000_000, detached: 50_000_000,
        ownSeconds: 0.03, busiestProcessDelay: 0.04, busiestThreadDelay: 0.01))
    // 30 ms at 1 % of a core.
    #expect(governor.nextWindow(after: 60_000_000) == 50_000_000 + 3_000_000_000)
  }

  @Test func `little programs lose no more together than their budget`() throws {
    // A hundred that have 0.3 % of a core each; ten of them are busy in each window and lose half of it.
    func next(_ lostByAll: Double, isPartial: Bool = false) throws -> Double {
      var governor = Governor(Governor.Settings(budget: 0.02), at: 0)
      governor.note(
        Governor.Window(
          opened: 10_000_000, closed: 20_000_000, detached: 50_000_000, ownSeconds: 0,
          busiestProcessDelay: 0.005, busiestThreadDelay: 0.005,
          processorShare: 0.003, lostByAll: lostByAll, processorsOfAll: 0.3,
          isPartial: isPartial))
      return Double(try #require(governor.nextWindow(after: 50_000_000)) - 50_000_000) / 1e9
    }
    let seconds = try next(10 * 0.005)
    #expect(10 * 0.005 <= 0.02 * 0.3 * seconds)
    #expect(try next(0.005) < seconds)
    // One that is for a single process costs the others nothing.
    #expect(try next(10 * 0.005, isPartial: true) == 0)
  }

  @Test func `waiting for a process that sleeps costs it nothing`() {
    let governor = Governor(Governor.Settings(budget: 0.02), at: 0)
    func cost(open milliseconds: UInt64, idle: Double) -> Double {
      governor.cost(
        of: Governor.Window(
          opened: 1_000_000_000, closed: 1_000_000_000 + milliseconds * 1_000_000,
          detached: 2_000_000_000, ownSeconds: 0, busiestProcessDelay: 0.004,
          busiestThreadDelay: 0.004, idleSeconds: idle, isPartial: true))
    }
    #expect(abs(cost(open: 310, idle: 0.3) - cost(open: 10, idle: 0)) < 1e-9)
    #expect(cost(open: 310, idle: 0) > cost(open: 310, idle: 0.3))
  }

  @Test func `counting every call of many stops when the whole machine would notice`() {
    var governor = Governor(Governor.Settings(budget: 0.02), at: 0)
    governor.note(
      Governor.Window(
        opened: 1, closed: 10_000_000, detached: 20_000_000, ownSeconds: 0,
        busiestProcessDelay: 0, busiestThreadDelay: 0))
    #expect(governor.mode == .exact)
    for check in 1...100 where governor.mode == .exact {
      governor.note(
        delay: 0.0002, delayPerCore: 0.01, at: 20_000_000 + UInt64(check) * 50_000_000)
    }
    #expect(governor.mode == .windows)
  }
}
