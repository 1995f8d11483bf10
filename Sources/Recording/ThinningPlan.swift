/// At which distance samples are kept, the older the further apart.
package struct ThinningPlan: Hashable, Sendable {
  package struct Tier: Hashable, Sendable {
    /// Seconds; samples younger than this are kept at this distance.
    package var age: Double
    /// Seconds between two samples; 0 keeps each.
    package var spacing: Double

    package init(age: Double, spacing: Double) {
      self.age = age
      self.spacing = spacing
    }
  }

  /// What is to be done to bring a history into the shape of the plan.
  package enum Step: Hashable, Sendable {
    /// Of samples of one process or site in one bucket of `spacing` milliseconds, only the last stays. Times are
    /// milliseconds since 1970, from the first to before the second.
    case merge(times: Range<Int64>, spacing: Int64)
    /// Samples before this time go.
    case forget(before: Int64)
  }

  /// By age, each wider than the one before.
  package var tiers: [Tier]

  package init(tiers: [Tier]) {
    self.tiers = tiers
  }

  /// Every sample for two hours, one a minute for two days, then one a summary.
  package static func standard(summaryInterval: Double, retention: Double) -> ThinningPlan {
    let tiers = [
      Tier(age: 7200, spacing: 0), Tier(age: 2 * 86400, spacing: 60),
      Tier(age: retention, spacing: max(60, summaryInterval)),
    ]
    return ThinningPlan(
      tiers: tiers.prefix { $0.age < retention }
        + [Tier(age: retention, spacing: tiers.first { $0.age >= retention }?.spacing ?? 0)])
  }

  /// The steps at `now`, milliseconds since 1970, when the last were taken at `before`; nil: never.
  ///
  /// Buckets begin at multiples of their length, so that taking steps often or rarely comes to the same.
  package func steps(at now: Int64, before: Int64?) -> [Step] {
    var steps: [Step] = []
    for (tier, next) in zip(tiers, tiers.dropFirst()) {
      let spacing = Int64(next.spacing * 1000)
      guard spacing > 0 else { continue }
      let end = Self.bucket(of: now - Int64(tier.age * 1000), spacing)
      let start = before.map { Self.bucket(of: $0 - Int64(tier.age * 1000), spacing) } ?? Int64.min
      if start < end { steps.append(.merge(times: start..<end, spacing: spacing)) }
    }
    if let last = tiers.last { steps.append(.forget(before: now - Int64(last.age * 1000))) }
    return steps
  }

  /// Where the bucket begins that an instant lies in.
  private static func bucket(of time: Int64, _ spacing: Int64) -> Int64 {
    let rest = time % spacing
    return time - (rest < 0 ? rest + spacing : rest)
  }
}
