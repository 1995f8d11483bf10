import AllocationModel
import AllocationProbes

/// What windows have shown of one process.
struct ProcessFlow {
  var builder = WindowReadingBuilder()
  var balance: FlowBalance
  /// Anonymous memory at times, monotonic nanoseconds: how much the heap really grew.
  private var levels: [(time: UInt64, bytes: UInt64)] = []

  /// Seconds between two that are kept.
  private static let spacing = 2.0

  /// - Parameter horizon: seconds of the past that count, > 0.
  init(horizon: Double) {
    balance = FlowBalance(horizon: horizon)
  }

  mutating func note(level bytes: UInt64, at time: UInt64) {
    if let last = levels.last, Double(time - last.time) / 1e9 < Self.spacing { return }
    levels.append((time, bytes))
    let start = Double(time) - 1.1 * balance.horizon * 1e9
    if let first = levels.first, Double(first.time) < start - 60e9 {
      levels.removeAll { Double($0.time) < start }
    }
  }

  /// What it all says, with the growth of memory in the same time.
  func estimate() -> FlowEstimate? {
    guard let began = balance.firstOpened else { return nil }
    return balance.estimate(census: growth(since: began))
  }

  /// How far anonymous memory and live blocks may grow apart: half used pages, and what the allocator keeps.
  private static let slack = 256.0 * 1024
  private static let overhead = 0.1

  /// Bytes by which its blocks have grown, judged by its anonymous memory.
  private func growth(since time: UInt64) -> ClosedRange<Double>? {
    guard let first = levels.last(where: { $0.time <= time }) ?? levels.first,
      let last = levels.last,
      last.time > first.time
    else { return nil }
    let grown = Double(last.bytes) - Double(first.bytes)
    let margin = Self.slack + Self.overhead * grown.magnitude
    return (grown - margin)...(grown + margin)
  }
}
