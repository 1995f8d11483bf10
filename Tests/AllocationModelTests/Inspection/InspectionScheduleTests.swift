import AllocationModel
import Testing

/// Which process is inspected when.
@Suite struct InspectionScheduleTests {
  private func process(_ pid: Int32) -> ProcessIdentity {
    ProcessIdentity(pid: pid, startTicks: 1)
  }

  private func snapshot(
    _ elapsed: Double, _ growth: [Int32: Double], verdict: Verdict = .growing,
    ended: Set<Int32> = []
  ) -> Snapshot {
    Snapshot(
      unixNanoseconds: 0, elapsed: elapsed,
      targets: growth.keys.map {
        TargetSnapshot(pid: $0, startTicks: 1, name: "t", hasExited: ended.contains($0))
      },
      sites: growth.map { pid, rate in
        SiteSnapshot(
          id: SiteID(rawValue: 1), pid: pid, startTicks: 1, stack: [],
          counters: AllocationCounters(),
          growth: GrowthRate(bytesPerSecond: rate, low: rate, high: rate),
          assessment: Assessment(verdict: verdict, reason: ""))
      })
  }

  @Test func `the process that grows fastest comes first, and then the next`() {
    var schedule = InspectionSchedule()
    let all: [Int32: Double] = [1: 10, 2: 1000, 3: 100]
    #expect(schedule.due(snapshot(0, all, verdict: .steady)) == nil)
    #expect(schedule.due(snapshot(0, all)) == process(2))
    schedule.begin()
    #expect(schedule.due(snapshot(3, all)) == nil, "one at a time")
    schedule.note(process(2), pause: 0.001, at: 4)
    #expect(schedule.due(snapshot(5, all)) == nil, "analysis takes time of our own")
    #expect(schedule.due(snapshot(10, all)) == process(3))
    schedule.begin()
    schedule.note(process(3), pause: 0.001, at: 10)
    #expect(schedule.due(snapshot(16, all, ended: [1])) == nil)
    #expect(schedule.due(snapshot(16, all)) == process(1))
  }

  @Test func `the longer a process stands still, the longer it is left alone`() {
    for (pause, wait) in [(0.001, 30.0), (0.1, 30), (3.0, 300)] {
      var settings = InspectionSchedule.Settings()
      settings.budget = 0.01
      var schedule = InspectionSchedule(settings)
      schedule.begin()
      schedule.note(process(1), pause: pause, at: 100)
      #expect(schedule.due(snapshot(100 + wait - 0.1, [1: 1])) == nil, "\(pause)")
      #expect(schedule.due(snapshot(100 + wait, [1: 1])) == process(1), "\(pause)")
    }
  }

  @Test func `a process that can't be inspected is tried again ever later, and then no more`() {
    var schedule = InspectionSchedule()
    var tries: [Double] = []
    for second in stride(from: 0.0, to: 2000, by: 1)
    where schedule.due(snapshot(second, [1: 1])) != nil {
      schedule.begin()
      schedule.fail(process(1), at: second)
      tries.append(second)
    }
    #expect(tries == [0, 60, 180])
    schedule.keep([])
    #expect(schedule.due(snapshot(2001, [1: 1])) == process(1), "it may be another one")
  }
}
