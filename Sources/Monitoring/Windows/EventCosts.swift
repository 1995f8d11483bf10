package import AllocationProbes
package import Executables

/// Of the calls of one process in one window, how many there were and how they were probed.
package struct CallCounts: Hashable, Sendable {
  package private(set) var allocations = 0
  /// Those of them that were left by a probed `ret`.
  package private(set) var steppedReturns = 0
  package private(set) var frees = 0

  package init(_ events: some Sequence<WindowEvent> = []) {
    for event in events {
      switch event.content {
      case .allocated(_, _, let isStepped, _):
        allocations += 1
        if isStepped { steppedReturns += 1 }
      case .freed: frees += 1
      case .kept, .ran: break
      }
    }
  }

  /// Allocations and frees.
  package var events: Int { allocations + frees }
  /// An allocation is met where the function is entered and where it returns, a free only where it is entered.
  package var runs: Int { 2 * allocations + frees }

  package static func += (sum: inout Self, other: Self) {
    sum.allocations += other.allocations
    sum.steppedReturns += other.steppedReturns
    sum.frees += other.frees
  }
}

/// By how much an event delays its thread, in nanoseconds.
package struct EventCosts: Sendable {
  /// What a program takes before any was timed.
  private static let usualProgram = 250.0
  /// Fewer events tell too little of what a program takes.
  private static let fewestEvents = 100

  private let trap: Double
  /// What one more takes where the kernel has to single-step the instruction.
  private let step: Double
  /// A probe that is hit, with its program.
  private var run: Double
  /// Of each process, as it was in its last window with enough events.
  private var known: [ProcessSlot: Double] = [:]

  package init(_ profile: EmulationProfile) {
    // A probe is hit as often as this calibration says, where its programs are no empty ones.
    trap = 0.9 * (profile.nanosecondsByClass[.push] ?? 1000)
    step = max(0, (profile.nanosecondsByClass[.other] ?? 10_000) - trap)
    run = trap + Self.usualProgram
  }

  /// Takes note of how long programs ran in a window, nanoseconds; 0: none was timed.
  package mutating func learn(_ counts: CallCounts, programNanoseconds: Double) {
    guard counts.events >= Self.fewestEvents, programNanoseconds > 0 else { return }
    run += (trap + programNanoseconds - run) / 4
  }

  /// Of a process, by what it did in a window.
  package mutating func note(_ counts: CallCounts, of slot: ProcessSlot) -> Double {
    guard counts.events > 0 else { return known[slot] ?? usual(mayStep: false) }
    let cost =
      (Double(counts.runs) * run + Double(counts.steppedReturns) * step) / Double(counts.events)
    if counts.events >= Self.fewestEvents { known[slot] = cost }
    return cost
  }

  /// Of a call in a light window, which is met once.
  ///
  /// - Parameter programNanoseconds: how long programs ran in it; 0: none was timed.
  package func ofLightEvent(programNanoseconds: Double) -> Double {
    trap + (programNanoseconds > 0 ? programNanoseconds : Self.usualProgram)
  }

  /// Of a process that does now what it did in windows, or else as the budget has to reckon with.
  ///
  /// - Parameter mayStep: there are allocators that are probed where they return.
  package func expected(of slot: ProcessSlot, mayStep: Bool) -> Double {
    known[slot] ?? usual(mayStep: mayStep)
  }

  package mutating func forget(_ slot: ProcessSlot) { known[slot] = nil }

  /// Half of all events are allocations.
  private func usual(mayStep: Bool) -> Double { 1.5 * run + (mayStep ? step / 2 : 0) }
}
