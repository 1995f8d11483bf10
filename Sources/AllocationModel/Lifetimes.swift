internal import Glibc

/// How long the blocks of a site had lived when they were freed, in seconds.
package struct Lifetimes: Hashable, Sendable {
  /// Half of the freed blocks lived no longer, ≥ 0.
  package var median: Double
  /// Nine of ten freed blocks lived no longer, ≥ `median`.
  package var percentile90: Double

  package init(median: Double, percentile90: Double) {
    self.median = median
    self.percentile90 = percentile90
  }

  /// From the numbers of blocks freed by age, as the kernel programs count them; nil where none was freed.
  ///
  /// - Parameters:
  ///   - freedByTicksLog2: at [0] those younger than 2 ticks, at [i] those younger than 2 ticks << i, in the last
  ///     one everything older, which is taken to be as old as that class begins.
  ///   - secondsPerTick: > 0.
  package init?(freedByTicksLog2: some Collection<UInt64>, secondsPerTick: Double) {
    let total = freedByTicksLog2.reduce(0.0) { $0 + Double($1) }
    guard total > 0 else { return nil }
    func age(of share: Double) -> Double {
      var below = 0.0
      var start = 0.0
      for (index, count) in freedByTicksLog2.enumerated() {
        let end = start == 0 ? 2 : 2 * start
        let isOpen = index == freedByTicksLog2.count - 1
        if count > 0, below + Double(count) >= share * total {
          guard !isOpen else { return start * secondsPerTick }
          let part = (share * total - below) / Double(count)
          // Within a class that doubles, ages are taken as spread evenly in their logarithm.
          return (start == 0 ? part * end : start * exp2(part)) * secondsPerTick
        }
        below += Double(count)
        start = end
      }
      return start * secondsPerTick
    }
    self.init(median: age(of: 0.5), percentile90: age(of: 0.9))
  }
}
