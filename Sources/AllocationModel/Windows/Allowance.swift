/// Time that may be spent, which grows with time at a fixed rate.
///
/// What is spent too much at once is a debt that has to be paid before more is spent; what is not spent is kept up to a
/// limit.
struct Allowance: Hashable, Sendable {
  /// Seconds per second, > 0.
  let rate: Double
  /// Seconds that are kept at most, ≥ 0.
  let limit: Double
  /// Seconds; below zero: a debt.
  private(set) var seconds = 0.0
  private var updated: UInt64?

  init(rate: Double, limit: Double) {
    precondition(rate > 0 && limit >= 0)
    self.rate = rate
    self.limit = limit
  }

  /// Lets it grow up to a time, monotonic nanoseconds.
  mutating func advance(to now: UInt64) {
    if let updated, now > updated {
      seconds = min(limit, seconds + Double(now - updated) / 1e9 * rate)
    }
    updated = max(now, updated ?? now)
  }

  mutating func spend(_ spent: Double) { seconds -= spent }

  /// When there is no debt any more, monotonic nanoseconds.
  var paid: UInt64 {
    guard let updated else { return 0 }
    return updated + UInt64(max(0, -seconds) / rate * 1e9)
  }
}
