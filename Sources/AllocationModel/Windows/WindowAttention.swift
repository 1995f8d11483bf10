/// Whom the next window looks at, where many processes are observed.
///
/// A window for all costs us much more than one for a single process, the more so the more processes there are. So half of
/// the time that we may take goes to those that the census says are growing, in turn.
package struct WindowAttention: Hashable, Sendable {
  package enum Subject: Hashable, Sendable {
    case everyone
    case process(ProcessIdentity)
  }

  /// Processes that get windows of their own, at most.
  private static let limit = 8
  /// Slower growth of anonymous memory than this is not worth a window of its own, bytes per second.
  private static let leastGrowth = 512.0

  private var growing: [ProcessIdentity] = []
  private var turn = 0
  /// CPU time of our own that windows for all took beyond those for single processes, seconds.
  private var spentOnEveryone = 0.0

  package init() {}

  /// Takes over what the census says; the fastest come first.
  package mutating func update(_ targets: [TargetSnapshot]) {
    growing = targets.filter {
      !$0.hasExited && $0.hasVisibleAllocator && $0.anonymousGrowth.low > Self.leastGrowth
    }
    .sorted { ($0.anonymousGrowth.low, $1.pid) > ($1.anonymousGrowth.low, $0.pid) }
    .prefix(Self.limit).map(\.process)
  }

  /// Whom the next window is for.
  package mutating func next() -> Subject {
    guard !growing.isEmpty, spentOnEveryone > 0 else { return .everyone }
    turn += 1
    return .process(growing[(turn - 1) % growing.count])
  }

  /// Takes note of what a window took of our own time, seconds.
  package mutating func note(_ subject: Subject, ownSeconds: Double) {
    switch subject {
    // What was spent while nothing grew is not made up for.
    case .everyone: spentOnEveryone = max(0, spentOnEveryone) + ownSeconds
    case .process: spentOnEveryone -= ownSeconds
    }
    spentOnEveryone = min(spentOnEveryone, Self.mostMadeUpFor)
  }

  /// Seconds.
  private static let mostMadeUpFor = 0.2
}
