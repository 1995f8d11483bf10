/// A stretch of time that one summary covers.
package struct Period: Hashable, Sendable {
  /// Nanoseconds since 1970-01-01 UTC, ≤ `to`.
  package var from: Int64
  package var to: Int64

  package init(from: Int64, to: Int64) {
    self.from = from
    self.to = to
  }

  /// Seconds, ≥ 0.
  package var duration: Double { Double(to - from) / 1e9 }
}

/// Divides time into periods that begin at multiples of their length: those of an hour at full hours in UTC.
///
/// Time enters as a parameter and may jump, as clocks of computers do.
package struct PeriodClock: Sendable {
  /// Nanoseconds, > 0.
  private let length: Int64
  private var from: Int64
  private var boundary: Int64
  private var latest: Int64

  /// - Parameters:
  ///   - length: seconds, ≥ 1 and at most a year.
  ///   - start: nanoseconds since 1970; the first period begins here and may be shorter.
  package init(length: Double, start: Int64) {
    self.length = Int64(min(max(length, 1), 366 * 86400) * 1e9)
    from = start
    latest = start
    boundary = 0
    boundary = self.boundary(after: start)
  }

  /// The period that is over at an instant, if one is.
  ///
  /// Of time that nobody saw, as while the machine slept, there are no periods. A clock that is set back does not end
  /// a period unless it is set to before its beginning.
  package mutating func advance(to instant: Int64) -> Period? {
    if instant < from {
      let over = Period(from: from, to: max(from, latest))
      begin(at: instant)
      return over
    }
    guard instant >= boundary else {
      latest = max(latest, instant)
      return nil
    }
    let over = Period(from: from, to: boundary)
    let beginning = boundary(after: instant) - length
    begin(at: beginning)
    latest = instant
    return over
  }

  /// What there is of the present period at an instant.
  package func current(at instant: Int64) -> Period {
    Period(from: from, to: max(from, instant))
  }

  private mutating func begin(at instant: Int64) {
    from = instant
    latest = instant
    boundary = boundary(after: instant)
  }

  private func boundary(after instant: Int64) -> Int64 {
    var periods = instant / length
    if instant % length < 0 { periods -= 1 }
    return (periods + 1) * length
  }
}
