/// Decides how some processes are observed together, so that none loses more of its time than the budget says.
///
/// Every call is counted while that fits the budget; otherwise windows are opened as often as it allows. Pure: time
/// enters as a parameter, in nanoseconds of one monotonic clock.
package struct Governor: Hashable, Sendable {
  package struct Settings: Hashable, Sendable {
    /// The share of a process's time that observing it may cost, > 0 and < 1.
    package var budget: Double
    /// The share of one core that attaching and detaching may cost us, > 0.
    package var ownShare = 0.01
    /// Seconds for which a window is open.
    package var windowLength = 0.01
    /// Seconds in which probes slow processes before a window opens and after it was closed, beyond those that were seen.
    package var edge = 0.0005
    /// Events that are recorded at most in one window.
    package var allowance = 20_000
    /// Seconds that counting every call may cost at once before windows take its place.
    package var burst = 0.02
    /// Seconds for which windows must have shown little before every call is counted again; it doubles with each
    /// attempt that failed.
    package var patience = 10.0
    /// Windows can be had at all; without them nothing is observed while counting every call costs too much.
    package var hasWindows = true

    package init(budget: Double) { self.budget = budget }
  }

  package enum Mode: Hashable, Sendable {
    case windows
    case exact
  }

  /// What one window took.
  package struct Window: Hashable, Sendable {
    /// When recording began and ended, and all probes were gone.
    package var opened: UInt64
    package var closed: UInt64
    package var detached: UInt64
    /// CPU time of our own, seconds.
    package var ownSeconds: Double
    /// Seconds by which events delayed the process that they delayed most, and the thread.
    package var busiestProcessDelay: Double
    package var busiestThreadDelay: Double
    /// The share of a core that this thread has outside of windows, 0 … 1: what it may lose is a share
    /// of that, not of the time of a clock.
    package var processorShare: Double
    /// Seconds that all threads lost together while it was open, the sum of what `Governor.loss` says of each. Programs
    /// that do little and all at once can lose far more of their time than windows take of a clock's.
    package var lostByAll: Double
    /// The cores that all processes have together outside of windows.
    package var processorsOfAll: Double
    /// Seconds in which probes were seen to be hit before it opened and after it was closed. Where processes wait for
    /// processors these can be longer than the window.
    package var outsideSeconds: Double
    /// Seconds at its beginning in which nothing happened, and nobody was slowed.
    package var idleSeconds: Double
    /// Not every process was looked at: it says nothing of the others, and cost them nothing.
    package var isPartial: Bool
    /// Not every function was probed: it says nothing of what counting every call would cost.
    package var isLight: Bool

    package init(
      opened: UInt64, closed: UInt64, detached: UInt64, ownSeconds: Double,
      busiestProcessDelay: Double, busiestThreadDelay: Double,
      processorShare: Double = 1, lostByAll: Double = 0, processorsOfAll: Double = 1,
      outsideSeconds: Double = 0, idleSeconds: Double = 0, isPartial: Bool = false,
      isLight: Bool = false
    ) {
      self.opened = opened
      self.closed = closed
      self.detached = detached
      self.ownSeconds = ownSeconds
      self.busiestProcessDelay = busiestProcessDelay
      self.busiestThreadDelay = busiestThreadDelay
      self.processorShare = processorShare
      self.lostByAll = lostByAll
      self.processorsOfAll = processorsOfAll
      self.outsideSeconds = outsideSeconds
      self.idleSeconds = idleSeconds
      self.isPartial = isPartial
      self.isLight = isLight
    }

    var openSeconds: Double { Double(closed - opened) / 1e9 }
    /// Seconds for which it was open and something may have happened.
    var busySeconds: Double { max(0, openSeconds - idleSeconds) }
    /// The share of those that the busiest thread lost.
    var load: Double {
      busySeconds > 0 ? min(1, busiestThreadDelay / busySeconds) : 1
    }
    /// What counting every call would cost the busiest process, as a share of one core.
    var exactShare: Double {
      openSeconds > 0 ? busiestProcessDelay / openSeconds : 1
    }
  }

  package let settings: Settings
  package private(set) var mode = Mode.windows
  /// Since when it is observed in this mode.
  package private(set) var since: UInt64
  /// Seconds for which they were open, since it is observed in windows.
  private var openSeconds = 0.0
  private var cost: Allowance
  private var own: Allowance
  private var recent: CostHistory
  /// Attempts to count every call that failed.
  private var failures = 0
  /// Since when windows have shown that every call could be counted.
  private var quietSince: UInt64?

  /// How far an estimate of cost may be off. What is spent is estimated high.
  private static let safety = 1.5
  /// How much of the budget is spent. The last window's cost is known when it is over, and programs that do nothing but
  /// allocate lose as much as is estimated, so that all of it would be a little too much half of the time. What our own
  /// work between windows costs a program that shares its processor's caches is not estimated at all: 0.1 % of its time.
  static let spentShare = 0.8
  /// Threads that have less of a core are taken to have so much: else one that hardly runs, and loses nothing that
  /// anybody waits for, would keep windows from all.
  private static let leastProcessorShare = 0.1
  /// The same where windows are for one process only.
  private static let leastOwnProcessorShare = 0.02

  package init(_ settings: Settings, at now: UInt64) {
    precondition(settings.budget > 0 && settings.budget < 1 && settings.ownShare > 0)
    self.settings = settings
    since = now
    cost = Allowance(rate: settings.budget * Self.spentShare, limit: settings.burst)
    own = Allowance(rate: settings.ownShare, limit: 0)
    recent = CostHistory(start: now)
    cost.advance(to: now)
    own.advance(to: now)
  }

  /// Seconds that a thread lost which events delayed for so many, estimated high; no more than it had.
  package static func loss(delay: Double, of seconds: Double) -> Double {
    min(seconds, safety * delay)
  }

  /// The share of the time since it is observed in windows for which they were open.
  package func openShare(at now: UInt64) -> Double {
    now > since ? min(1, openSeconds / (Double(now - since) / 1e9)) : 0
  }

  /// The share of its time that the most slowed process lost of late, by our own estimate, which is a high one.
  package func costShare(at now: UInt64) -> Double { recent.share(at: now) }

  /// When the next window may open its probes; nil: there is to be none.
  package func nextWindow(after now: UInt64) -> UInt64? {
    nextPartialWindow(after: now).map { max($0, cost.paid) }
  }

  /// When the next window that is for a single process may open its probes, as far as our own time goes; nil: there is
  /// to be none.
  package func nextPartialWindow(after now: UInt64) -> UInt64? {
    mode == .windows && settings.hasWindows ? max(now, own.paid) : nil
  }

  /// Seconds of its own time that a window cost the process that it cost most, estimated high.
  package func cost(of window: Window) -> Double {
    // Threads that do little are slowed little; none can lose more than all its time.
    let slow = window.busySeconds + window.outsideSeconds + settings.edge
    let lost = slow * min(1, Self.safety * window.load + 0.02)
    let least = window.isPartial ? Self.leastOwnProcessorShare : Self.leastProcessorShare
    let spent = lost / min(1, max(least, window.processorShare))
    guard !window.isPartial, window.busySeconds > 0 else { return spent }
    let lostByAll = window.lostByAll * slow / window.busySeconds
    return max(spent, lostByAll / max(Self.leastProcessorShare, window.processorsOfAll))
  }

  /// Takes note of a window. What follows may be another mode.
  ///
  /// - Parameter share: of what may be spent that windows like this one have, > 0 and ≤ 1: others have the rest.
  package mutating func note(_ window: Window, share: Double = 1) {
    openSeconds += window.openSeconds
    own.advance(to: window.detached)
    own.spend(window.ownSeconds)
    guard !window.isPartial else { return }
    let spent = cost(of: window)
    cost.advance(to: window.detached)
    cost.spend(spent / share)
    recent.add(spent, at: window.detached)
    guard !window.isLight else { return }
    guard Self.safety * window.exactShare < settings.budget / 2 else {
      quietSince = nil
      return
    }
    let quietSince = quietSince ?? window.opened
    self.quietSince = quietSince
    // With a debt from before, counting would end at once.
    if cost.seconds >= 0, Double(window.detached - quietSince) / 1e9 >= requiredQuiet {
      begin(.exact, at: window.detached)
    }
  }

  /// Seconds for which little must have happened.
  private var requiredQuiet: Double {
    failures == 0 ? 0 : min(600, settings.patience * Double(1 << min(failures - 1, 10)))
  }

  /// Takes note of what counting calls has cost since this was said last, in seconds: the process that it delayed most,
  /// and all together for each of the machine's cores. What follows may be another mode.
  package mutating func note(delay: Double, delayPerCore: Double = 0, at now: UInt64) {
    guard mode == .exact else { return }
    cost.advance(to: now)
    let spent = max(delay, delayPerCore)
    cost.spend(spent)
    recent.add(spent, at: now)
    if cost.seconds < 0 {
      failures += 1
      begin(.windows, at: now)
    } else if failures > 0, Double(now - since) / 1e9 > 600 {
      failures = 0
    }
  }

  /// Where windows can't be had: every call may be counted again if it is time to try that.
  package mutating func retryWithoutWindows(at now: UInt64) {
    guard mode == .windows, !settings.hasWindows else { return }
    cost.advance(to: now)
    if Double(now - since) / 1e9 >= requiredQuiet, cost.seconds >= 0 { begin(.exact, at: now) }
  }

  private mutating func begin(_ mode: Mode, at now: UInt64) {
    self.mode = mode
    since = now
    openSeconds = 0
    quietSince = nil
  }
}
