import AllocationModel
import TestSupport
import Testing

@Suite struct PeriodClockTests {
  private static let second: Int64 = 1_000_000_000
  /// 2026-03-01T12:34:56Z.
  private static let start: Int64 = 1_772_368_496 * second

  @Test func `periods of an hour begin at full hours`() {
    var clock = PeriodClock(length: 3600, start: Self.start)
    #expect(clock.advance(to: Self.start + 1503 * Self.second) == nil)
    let boundary = 1_772_370_000 * Self.second
    #expect(
      clock.advance(to: boundary + 7) == Period(from: Self.start, to: boundary),
      "the first is shorter")
    #expect(
      clock.advance(to: boundary + 3600 * Self.second)
        == Period(from: boundary, to: boundary + 3600 * Self.second))
  }

  @Test func `time that nobody saw belongs to no period`() {
    var clock = PeriodClock(length: 60, start: 0)
    #expect(clock.advance(to: 605 * Self.second) == Period(from: 0, to: 60 * Self.second))
    #expect(
      clock.current(at: 606 * Self.second)
        == Period(from: 600 * Self.second, to: 606 * Self.second))
  }

  @Test func `a clock that is set back a little ends nothing`() {
    var clock = PeriodClock(length: 60, start: 0)
    #expect(clock.advance(to: 50 * Self.second) == nil)
    #expect(clock.advance(to: 40 * Self.second) == nil)
    #expect(clock.advance(to: 61 * Self.second) == Period(from: 0, to: 60 * Self.second))
  }

  @Test func `a clock that is set back before the period ends it where it was last seen`() {
    var clock = PeriodClock(length: 60, start: 1000 * Self.second)
    #expect(clock.advance(to: 1010 * Self.second) == nil)
    #expect(
      clock.advance(to: 300 * Self.second)
        == Period(from: 1000 * Self.second, to: 1010 * Self.second))
    #expect(clock.advance(to: 359 * Self.second) == nil)
    #expect(
      clock.advance(to: 360 * Self.second)
        == Period(from: 300 * Self.second, to: 360 * Self.second))
  }

  @Test func `periods never overlap, whatever the clock does`() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<200 {
      let length = Double.random(in: 1...5000, using: &generator)
      var now = Int64.random(in: -2_000_000...2_000_000_000, using: &generator) * Self.second
      var clock = PeriodClock(length: length, start: now)
      var previous: Period?
      for _ in 0..<200 {
        now += Int64.random(in: 0...Int64(length * 1.5e9), using: &generator)
        guard let period = clock.advance(to: now) else { continue }
        #expect(period.from <= period.to && period.to <= now)
        #expect(period.duration <= length + 1e-6)
        if let previous { #expect(previous.to <= period.from) }
        previous = period
      }
    }
  }
}
