import AllocationModel
import TestSupport
import Testing

@Suite struct LifetimesTests {
  @Test func `nothing freed has no lifetimes`() {
    #expect(Lifetimes(freedByTicksLog2: [0, 0, 0], secondsPerTick: 1) == nil)
    #expect(Lifetimes(freedByTicksLog2: [], secondsPerTick: 1) == nil)
  }

  @Test func `blocks of one class spread over it`() throws {
    // Class 3 holds ages from 8 to 16 ticks.
    let lifetimes = try #require(
      Lifetimes(freedByTicksLog2: [0, 0, 0, 100, 0], secondsPerTick: 0.5))
    #expect((lifetimes.median - 0.5 * 8 * 2.squareRoot()).magnitude < 1e-9)
    #expect(lifetimes.percentile90 > lifetimes.median && lifetimes.percentile90 < 8)
  }

  @Test func `what is older than all classes is as old as the last one begins`() throws {
    let lifetimes = try #require(Lifetimes(freedByTicksLog2: [1, 0, 0, 9], secondsPerTick: 1))
    #expect(lifetimes.median == 8)
    #expect(lifetimes.percentile90 == 8)
  }

  @Test func `an estimate lies in the class of the true quantile, whatever the ages are`() throws {
    var generator = SeededGenerator(seed: 40)
    for _ in 0..<200 {
      let mean = generator.exponential(mean: 2000)
      let ages = (0..<500).map { _ in generator.exponential(mean: mean) }.sorted()
      var classes = [UInt64](repeating: 0, count: 24)
      for age in ages {
        var index = 0
        while index < 23, age >= Double(2 << index) { index += 1 }
        classes[index] += 1
      }
      let lifetimes = try #require(Lifetimes(freedByTicksLog2: classes, secondsPerTick: 1))
      for (estimate, truth) in [
        (lifetimes.median, ages[249]), (lifetimes.percentile90, ages[449]),
      ] {
        #expect(estimate <= max(2, 2 * truth) && estimate >= min(truth / 2, truth - 2))
      }
    }
  }
}
