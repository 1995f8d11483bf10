/// Whom the next window looks at, where many processes are observed.
///
/// A window for all costs us much more than one for a single process. So every other one is for one of those that the
/// census says are growing, in turn.
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

  package init() {}

  /// Takes over what the census says; the fastest come first.
  package mutating func update(_ targets: [TargetSnapshot]) {
    growing = targets.filter {
      !$0.hasExited && $0.hasVisibleAllocator && $0.anonymousGrowth.low > Self.leastGrowth
    }
    .sorted { ($0.anonymousGrowth.low, $1.pid) > ($1.anonymousGrowth.low, $0.pid) }
    .prefix(Self.limit).map(\.process)
  }

  /// Three windows for one process each, then one for all.
  package mutating func next() -> Subject {
    defer { turn += 1 }
    guard !growing.isEmpty, turn % 4 != 0 else { return .everyone }
    return .process(growing[(turn - turn / 4 - 1) % growing.count])
  }
}
