import Recording
import Testing

@Suite struct ThinningPlanTests {
  private let plan = ThinningPlan(tiers: [
    ThinningPlan.Tier(age: 100, spacing: 0), ThinningPlan.Tier(age: 1000, spacing: 60),
    ThinningPlan.Tier(age: 10_000, spacing: 600),
  ])

  @Test func `whole buckets are merged when all in them is old enough`() {
    #expect(
      plan.steps(at: 20_000_000, before: nil) == [
        .merge(times: .min..<19_860_000, spacing: 60_000),
        .merge(times: .min..<18_600_000, spacing: 600_000), .forget(before: 10_000_000),
      ])
  }

  @Test func `what was done is not done again`() {
    #expect(
      plan.steps(at: 20_000_000, before: 19_999_000) == [.forget(before: 10_000_000)])
    #expect(
      plan.steps(at: 20_060_000, before: 20_000_000) == [
        .merge(times: 19_860_000..<19_920_000, spacing: 60_000),
        .forget(before: 10_060_000),
      ])
  }

  @Test func `a clock that was set back merges nothing twice`() {
    #expect(plan.steps(at: 19_000_000, before: 20_000_000) == [.forget(before: 9_000_000)])
  }

  @Test func `a short retention has no tiers beyond it`() {
    let plan = ThinningPlan.standard(summaryInterval: 3600, retention: 3600)
    #expect(plan.tiers == [ThinningPlan.Tier(age: 3600, spacing: 0)])
    let week = ThinningPlan.standard(summaryInterval: 3600, retention: 7 * 86400)
    #expect(week.tiers.map(\.age) == [7200, 2 * 86400, 7 * 86400])
    #expect(week.tiers.map(\.spacing) == [0, 60, 3600])
  }
}
