internal import Glibc

/// SplitMix64: the same numbers for the same seed, everywhere.
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// One of these; there has to be one.
  package mutating func pick<Choices: Collection>(_ choices: Choices) -> Choices.Element {
    let offset = Int.random(in: 0..<choices.count, using: &self)
    return choices[choices.index(choices.startIndex, offsetBy: offset)]
  }

  /// A waiting time with the given mean.
  package mutating func exponential(mean: Double) -> Double {
    -mean * log(1 - Double.random(in: 0..<1, using: &self))
  }

  /// How many events of mean `mean` occur; exact, in time proportional to `mean`.
  package mutating func poisson(mean: Double) -> Int {
    var count = 0
    var time = exponential(mean: 1)
    while time < mean {
      count += 1
      time += exponential(mean: 1)
    }
    return count
  }
}
