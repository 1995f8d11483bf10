/// What was spent in the last half to whole minute.
struct CostHistory: Hashable, Sendable {
  private static let length: UInt64 = 30_000_000_000

  private var earlier = 0.0
  private var earlierStart: UInt64
  private var current = 0.0
  private var currentStart: UInt64

  init(start: UInt64) {
    earlierStart = start
    currentStart = start
  }

  mutating func add(_ spent: Double, at now: UInt64) {
    if now > currentStart + Self.length {
      earlier = current
      earlierStart = currentStart
      current = 0
      currentStart = now
    }
    current += spent
  }

  func share(at now: UInt64) -> Double {
    now > earlierStart ? (earlier + current) / (Double(now - earlierStart) / 1e9) : 0
  }
}
