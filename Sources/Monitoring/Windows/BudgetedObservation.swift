import AllocationModel
import AllocationProbes
import Executables
import Glibc
import LinuxSystem

/// How targets are observed within a budget: what the governor decides on, and what windows have shown.
final class BudgetedObservation {
  var governor: Governor
  /// Every call is counted, as the governor had decided before.
  var isCounting = false
  /// nil where the kernel can't do without probes that are attached all the time.
  let windows: WindowThread?
  var attention: WindowAttention
  /// Seconds of the past that windows are remembered for.
  let horizon: Double
  /// Of processes that did something in a window.
  var flows: [ProcessSlot: ProcessFlow] = [:]
  /// Calls that each process had made when that was looked at last.
  var calls: [ProcessSlot: UInt32] = [:]
  var lastCheck: UInt64 = 0
  /// The window that is under way is not for all targets, but for this one.
  var subject: ProcessIdentity?
  /// Where the window under way is to be.
  var places: [WindowRequest.Place] = []
  /// Which windows for all record nothing but frees.
  var lightWindows = LightWindowTurns()
  /// By how much events delay threads.
  var costs: EventCosts
  /// How much of a core the busiest thread has outside of windows, 0 … 1; 1 while that is not known.
  var processorShare = 1.0
  /// How many cores each process has, as far as windows have shown it.
  var processors: [ProcessSlot: Double] = [:]

  /// Nanoseconds between two looks at how much was called, while every call is counted.
  static let namedCheck: UInt64 = 20_000_000
  static let wideCheck: UInt64 = 50_000_000

  /// - Parameter horizon: seconds of the past that windows are remembered for, > 0.
  init(_ settings: Governor.Settings, horizon: Double, session: ProbeSession) {
    self.horizon = horizon
    var settings = settings
    costs = EventCosts(session.calibration.profile)
    windows = try? WindowThread(session)
    settings.hasWindows = windows != nil
    governor = Governor(settings, at: SystemClock.monotonicNanoseconds)
    attention = WindowAttention(budget: settings.budget)
  }

  /// When the next window may open its probes, for whomever; nil: there is to be none.
  func nextWindow(after now: UInt64) -> UInt64? {
    guard let everyone = governor.nextWindow(after: now) else { return nil }
    guard let own = attention.nextOwnWindow, let earliest = governor.nextPartialWindow(after: now)
    else { return everyone }
    return min(everyone, max(own, earliest))
  }

  /// Takes note of how much of a core a process's threads have.
  func note(_ threads: [ThreadCell], of slot: ProcessSlot) {
    let shares = threads.compactMap(\.processorShare)
    guard !shares.isEmpty else { return }
    let sum = shares.reduce(0, +)
    processors[slot] = processors[slot].map { ($0 + sum) / 2 } ?? sum
  }

  /// Cores that all processes have, as far as that is known, and a quarter of the machine's at least: programs that do
  /// little are seen in few windows, and nobody misses 2 % of so much. All of it while nothing is known: else the first
  /// window of eight busy threads would be the only one for half a minute.
  var processorsOfAll: Double {
    if processors.isEmpty { return Double(Self.coreCount) }
    return max(Double(Self.coreCount) / 4, processors.values.reduce(0, +))
  }

  /// Of the machine.
  static let coreCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}

/// What a window was for those that were in it.
struct WindowLoad {
  /// Seconds by which events delayed the process that they delayed most, and the thread.
  var process = 0.0
  var thread = 0.0
  /// How much of a core that thread has, 0 … 1.
  var processorShare: Double?
  /// Seconds that all threads lost together, estimated high.
  var lostByAll = 0.0

  /// Adds what one process did while the window was open for so many seconds.
  mutating func add(_ threads: [ThreadCell], eventSeconds: Double, open: Double) {
    var sum = 0.0
    for cell in threads {
      let delay = Double(cell.eventCount) * eventSeconds
      sum += delay
      lostByAll += Governor.loss(delay: delay, of: open)
      if delay > thread { (thread, processorShare) = (delay, cell.processorShare) }
    }
    process = max(process, sum)
  }
}
