import AllocationModel
import AllocationProbes
import Executables
import Glibc
import LinuxSystem

/// How targets are observed within a budget: what the governor decides on, and what windows have shown.
final class BudgetedObservation {
  var governor: Governor
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
  /// By which an event delays its thread.
  var eventNanoseconds: Double
  /// How much of a core the busiest thread has outside of windows, 0 … 1; 1 while that is not known.
  var processorShare = 1.0
  /// How many cores each process has, as far as windows have shown it.
  var processors: [ProcessSlot: Double] = [:]

  /// Nanoseconds between two looks at how much was called, while every call is counted.
  static let namedCheck: UInt64 = 20_000_000
  static let wideCheck: UInt64 = 50_000_000

  /// Programs run by an allocation and its return, and by a free; what they take before any was timed, ns.
  private static let runsPerPair = 3.0
  private static let usualProgram = 250.0
  /// A probe is hit as often as this calibration says, where its programs are no empty ones.
  private let trapNanoseconds: Double
  /// By which an event of an allocator whose `operator new` is probed where it returns may delay its thread more: the
  /// kernel single-steps a `ret`, for half of the events.
  private let returnNanoseconds: Double

  /// - Parameter horizon: seconds of the past that windows are remembered for, > 0.
  init(_ settings: Governor.Settings, horizon: Double, session: ProbeSession) {
    self.horizon = horizon
    var settings = settings
    let costs = session.calibration.profile.nanosecondsByClass
    trapNanoseconds = 0.9 * (costs[.push] ?? 1000)
    returnNanoseconds = (costs[.other] ?? 10_000) / 2
    eventNanoseconds = Self.runsPerPair / 2 * (trapNanoseconds + Self.usualProgram)
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

  /// Takes note of how long programs ran in a window: an allocation runs two, a free one.
  func learnCost(allocations: Int, frees: Int, programNanoseconds: Double) {
    let events = allocations + frees
    guard events >= 100, programNanoseconds > 0 else { return }
    let runs = Double(2 * allocations + frees) / Double(events)
    let measured = runs * (trapNanoseconds + programNanoseconds)
    eventNanoseconds += (measured - eventNanoseconds) / 4
  }

  /// By which an event may delay its thread, as the budget has to reckon with.
  ///
  /// - Parameter mayReturnDearly: there are allocators that are probed where they return.
  func costNanoseconds(mayReturnDearly: Bool) -> Double {
    eventNanoseconds + (mayReturnDearly ? returnNanoseconds : 0)
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
  /// Events of the process and of the thread with most.
  var process = 0
  var thread = 0
  /// How much of a core that thread has, 0 … 1.
  var processorShare = 1.0
  /// Seconds that all threads lost together.
  var lostByAll = 0.0
  /// By which an event delays its thread, estimated high.
  var eventSeconds = 0.0
}
