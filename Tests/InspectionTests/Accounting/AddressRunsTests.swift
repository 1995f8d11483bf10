import TestSupport
import Testing

@testable import Inspection

@Suite struct AddressRunsTests {
  /// Addresses below 200, each in or out.
  private static func addresses(_ runs: AddressRuns) -> Set<UInt64> {
    Set(runs.runs.flatMap(Array.init))
  }

  private static func random(_ generator: inout SeededGenerator) -> [Range<UInt64>] {
    (0..<Int.random(in: 0..<8, using: &generator)).map { _ in
      let start = UInt64.random(in: 0..<180, using: &generator)
      return start..<start + UInt64.random(in: 0..<20, using: &generator)
    }
  }

  @Test func `merging, subtracting and measuring agree with sets of addresses`() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<500 {
      let (one, other) = (Self.random(&generator), Self.random(&generator))
      let first = AddressRuns(merging: one)
      let second = AddressRuns(merging: other)
      let (firstSet, secondSet) = (Set(one.flatMap(Array.init)), Set(other.flatMap(Array.init)))
      #expect(Self.addresses(first) == firstSet)
      #expect(first.byteCount == UInt64(firstSet.count))
      #expect(Self.addresses(first.subtracting(second)) == firstSet.subtracting(secondSet))
      var meter = AddressRuns.Meter(first)
      var start: UInt64 = 0
      while start < 200 {
        let end = start + UInt64.random(in: 0..<30, using: &generator)
        #expect(meter.byteCount(in: start, end) == UInt64(firstSet.intersection(start..<end).count))
        start = end + UInt64.random(in: 0..<10, using: &generator)
      }
    }
  }

  @Test func `a range is cut at multiples of a limit, and nothing of it is lost`() {
    #expect((4..<20 as Range<UInt64>).pieces(of: 8) == [4..<8, 8..<16, 16..<20])
    #expect((8..<16 as Range<UInt64>).pieces(of: 8) == [8..<16])
    #expect((5..<5 as Range<UInt64>).pieces(of: 8) == [])
    #expect((UInt64.max - 3..<UInt64.max).pieces(of: 8) == [UInt64.max - 3..<UInt64.max])
  }
}
