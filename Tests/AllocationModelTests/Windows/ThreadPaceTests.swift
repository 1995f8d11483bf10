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

  /// A busy thread whose work between two frees takes so long, in windows of 10 ms of both kinds: an allocation and its
  /// free take `cost` in full ones, and the free `lightCost` in light ones, both nanoseconds and as they really are. Of a
  /// light one too little is measured, as usual.
  private static func pace(
    work: Double, cost: Double, lightCost: Double, measured: (full: Double, light: Double)
  ) -> ThreadPace {
    var pace = ThreadPace()
    for isLight in (0..<51).map({ $0 % 2 == 1 }) {
      let frees = 1e7 / (work + (isLight ? lightCost : cost))
      var cell = ThreadCell(thread: 1, eventCount: UInt64(isLight ? frees : 2 * frees))
      cell.nanosecondsInside = 10_000_000
      cell.insideLength = 10_000_000
      cell.freesInside = UInt64(frees)
      cell.nanosecondsBetween = 1_000_000_000
      cell.betweenLength = 1_000_000_000
      pace.fold(
        cell, eventNanoseconds: isLight ? measured.light / 1.15 : measured.full / 2,
        isLight: isLight)
    }
    return pace
  }

  @Test(arguments: [0.7, 1, 1.4]) func `light windows tell what costs were measured wrongly by`(
    error: Double
  ) {
    // Truth: 14.5 times slower.
    let pace = Self.pace(
      work: 1000, cost: 13_500, lightCost: 1000,
      measured: (full: 13_500 * error, light: 1000 * error))
    let (value, low, high) = pace.slowdown
    #expect(abs(value - 14.5) < 0.1)
    #expect(low > 11 && high < 21)
    #expect(pace.isUnknown == (high > 1.5 * low))
    #expect(!pace.learnsFromLightWindows, "tens of thousands of frees leave little to chance")
  }

  @Test func `the ratio of costs may be wrong, too`() {
    for light in [850.0, 1150] {
      let slowdown = Self.pace(
        work: 1000, cost: 3000, lightCost: 1000, measured: (full: 3000, light: light)
      ).slowdown
      #expect((slowdown.low...slowdown.high).contains(4))
      #expect(slowdown.high < 30)
    }
  }

  @Test func `of work that is less than the error little is known`() {
    let slowdown = Self.pace(
      work: 40, cost: 3000, lightCost: 1000, measured: (full: 3000, light: 1000)
    ).slowdown
    #expect((slowdown.low...slowdown.high).contains(76))
    #expect((slowdown.low...slowdown.high).contains(slowdown.value))
  }
}
