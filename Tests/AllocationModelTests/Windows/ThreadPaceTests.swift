import Testing

@testable import AllocationModel

struct ThreadPaceTests {
  /// A window of 10 ms in which a thread ran for some time, having had a share of a core since the one before.
  private static func pace(
    runMilliseconds: Double, events: UInt64, share: Double, windows: Int = 20
  ) -> ThreadPace {
    var pace = ThreadPace()
    for _ in 0..<windows {
      var cell = ThreadCell(thread: 1, eventCount: events)
      cell.nanosecondsInside = UInt64(runMilliseconds * 1e6)
      cell.insideLength = 10_000_000
      cell.nanosecondsBetween = UInt64(share * 1e9)
      cell.betweenLength = 1_000_000_000
      pace.fold(cell, eventNanoseconds: 1000)
    }
    return pace
  }

  @Test func `a busy thread gets on as much slower as recording leaves it time`() {
    let slowdown = Self.pace(runMilliseconds: 10, events: 8000, share: 1).slowdown
    #expect(abs(slowdown.value - 5) < 0.01)
    #expect(slowdown.low < 2 && slowdown.high > 100)
  }

  /// Recording its 0.1 ms of work made it run for 6 ms, of which the 5.9 that recording took are known roughly.
  @Test func `a thread that mostly sleeps does its work all the same`() {
    let slowdown = Self.pace(runMilliseconds: 6, events: 6500, share: 0.002).slowdown
    #expect(slowdown.low >= 1 && slowdown.value < 2.5 && slowdown.high < 2.6)
  }

  @Test func `one that waits for processors is not taken for asleep`() {
    let slowdown = Self.pace(runMilliseconds: 6, events: 6500, share: 0.5).slowdown
    #expect(slowdown.high > 100)
  }
}
