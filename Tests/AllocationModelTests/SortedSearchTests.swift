import AllocationModel
import Testing

@Suite struct SortedSearchTests {
  @Test func `the end of a prefix is found wherever it lies`() {
    for count in 0...20 {
      let numbers = Array(0..<count)
      for end in 0...count {
        #expect(numbers.endOfPrefix { $0 < end } == end)
      }
    }
    #expect([1, 2, 2, 3][1...].endOfPrefix { $0 <= 2 } == 3, "a slice has indices of its own")
  }
}
