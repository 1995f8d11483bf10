/// Whom the next window looks at, where many processes are observed.
///
/// A window for all costs us much more than one for a single process, the more so the more processes there are, and it
/// slows them all. So half of the time that we may take, and half of what each of them may lose, goes to windows of those
/// that the census says are growing. Pure: time enters as a parameter, in nanoseconds of one monotonic clock.
package struct WindowAttention: Hashable, Sendable {
  package enum Subject: Hashable, Sendable {
    case everyone
    case process(ProcessIdentity)
  }

  /// What a process's own windows may cost it, and have cost it of late.
  private struct Account: Hashable, Sendable {
    var cost: Allowance
    var recent: CostHistory
  }

  /// Processes that get windows of their own, at most.
  private static let limit = 8
  /// Slower growth of anonymous memory than this is not worth a window of its own, bytes per second.
  private static let leastGrowth = 512.0
  /// The part of what a process may lose that its own windows have.
  private static let ownShare = 0.5
  /// Seconds.
  private static let mostMadeUpFor = 0.2

  /// The share of its time that a process's own windows may cost it.
  private let rate: Double
  private var growing: [ProcessIdentity] = []
  private var accounts: [ProcessIdentity: Account] = [:]
  private var turn = 0
  /// CPU time of our own that windows for all took beyond those for single processes, seconds.
  private var spentOnEveryone = 0.0

  /// - Parameter budget: the share of a process's time that observing it may cost, > 0 and < 1.
  package init(budget: Double) {
    rate = budget * Governor.spentShare * Self.ownShare
  }

  /// The part of what may be spent that windows for all have.
  package var shareOfEveryone: Double { growing.isEmpty ? 1 : 1 - Self.ownShare }

  /// Takes over what the census says.
  ///
  /// Those come first whose growth has no name yet, and of these the ones that have begun to get windows: a few at a time
  /// are sooner done than all at once. The fastest come before the others.
  ///
  /// - Parameter named: processes of which a growing site is known.
  package mutating func update(_ targets: [TargetSnapshot], named: Set<ProcessIdentity> = []) {
    let begun = Set(growing)
    let grown = targets.filter {
      !$0.hasExited && $0.hasVisibleAllocator && $0.anonymousGrowth.low > Self.leastGrowth
    }
    let ranked = grown.map { target in
      let process = target.process
      let rank = named.contains(process) ? 2 : begun.contains(process) ? 0 : 1
      return (rank: rank, growth: -target.anonymousGrowth.low, process: process)
    }
    growing =
      ranked.sorted { ($0.rank, $0.growth, $0.process.pid) < ($1.rank, $1.growth, $1.process.pid) }
      .prefix(Self.limit).map(\.process)
    let running = Set(targets.lazy.filter { !$0.hasExited }.map(\.process))
    accounts = accounts.filter { running.contains($0.key) }
  }

  /// From when on one of those that grow may have a window of its own; nil: none grows.
  package var nextOwnWindow: UInt64? { growing.map(paid).min() }

  /// When a process's last windows are paid for.
  private func paid(_ process: ProcessIdentity) -> UInt64 { accounts[process]?.cost.paid ?? 0 }

  /// Whom the next window is for; nil: nobody's turn has come.
  ///
  /// - Parameter everyoneIsDue: a window for all may be opened.
  package mutating func next(at now: UInt64, everyoneIsDue: Bool) -> Subject? {
    let due = growing.indices.filter { paid(growing[$0]) <= now }
    guard !due.isEmpty, spentOnEveryone > 0 || !everyoneIsDue else {
      return everyoneIsDue ? .everyone : nil
    }
    // The one after the one that had the last turn.
    let index = due.first { $0 >= turn % growing.count } ?? due[0]
    turn = index + 1
    return .process(growing[index])
  }

  /// A process can't have windows of its own.
  package mutating func leaveOut(_ process: ProcessIdentity) { growing.removeAll { $0 == process } }

  /// Takes note of what a window for all took of our own CPU time, seconds.
  package mutating func noteWindowForAll(ownSeconds: Double) {
    // What was spent while nothing grew is not made up for.
    spentOnEveryone = min(max(0, spentOnEveryone) + ownSeconds, Self.mostMadeUpFor)
  }

  /// Takes note of what a window of a process's own took.
  ///
  /// - Parameters:
  ///   - ownSeconds: CPU time of our own.
  ///   - cost: seconds of its time that it cost the process.
  ///   - now: when it was over.
  package mutating func noteWindow(
    of process: ProcessIdentity, ownSeconds: Double, cost: Double, at now: UInt64
  ) {
    spentOnEveryone -= ownSeconds
    var account =
      accounts[process]
      ?? Account(cost: Allowance(rate: rate, limit: 0), recent: CostHistory(start: now))
    account.cost.advance(to: now)
    account.cost.spend(cost)
    account.recent.add(cost, at: now)
    accounts[process] = account
  }

  /// The share of its time that a process lost to its own windows of late.
  package func costShare(of process: ProcessIdentity, at now: UInt64) -> Double {
    accounts[process]?.recent.share(at: now) ?? 0
  }
}
