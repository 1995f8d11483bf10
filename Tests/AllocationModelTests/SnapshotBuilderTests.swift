import AllocationModel
import TestSupport
import Testing

@Suite struct SnapshotBuilderTests {
  @Test func `two readings of one site in one process are summed`() throws {
    var builder = SnapshotBuilder()
    let snapshot = builder.fold(
      reading(
        at: 0,
        [
          site(counters(allocated: 5, freed: 1), oldest: 3),
          site(counters(allocated: 1), id: 2),
          site(counters(allocated: 7, freed: 2), oldest: 8),
        ]
      )
    )
    #expect(snapshot.sites.count == 2)
    let merged = try #require(snapshot.sites.first { $0.id == SiteID(rawValue: 1) })
    #expect(merged.counters == counters(allocated: 12, freed: 3))
    #expect(merged.oldest == 8)
  }

  @Test func `the same site in two processes stays two`() {
    var builder = SnapshotBuilder()
    let other = ProcessIdentity(pid: 43, startTicks: 1000)
    let snapshot = builder.fold(
      reading(at: 0, [site(counters(allocated: 5)), site(counters(allocated: 5), in: other)])
    )
    #expect(snapshot.sites.map(\.pid).sorted() == [42, 43])
  }

  @Test func `sums over sites equal the sums over readings, whatever is read`() {
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<50 {
      var builder = SnapshotBuilder()
      for step in 0..<8 {
        let sites = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
          let freed = UInt64.random(in: 0...500, using: &generator)
          return site(
            counters(
              allocated: freed + UInt64.random(in: 0...500, using: &generator),
              freed: freed
            ),
            id: UInt64.random(in: 0...9, using: &generator)
          )
        }
        let snapshot = builder.fold(reading(at: Double(step), sites))
        let read = Set(sites.map(\.id))
        let total = snapshot.sites.filter { read.contains($0.id) }
          .reduce(AllocationCounters()) { $0 + $1.counters }
        #expect(total == sites.reduce(AllocationCounters()) { $0 + $1.counters })
        #expect(Set(snapshot.sites.map(\.id)).count == snapshot.sites.count)
        #expect(
          snapshot.sites.allSatisfy {
            $0.growth.low <= $0.growth.bytesPerSecond && $0.growth.bytesPerSecond <= $0.growth.high
              && $0.growth.low.isFinite && $0.growth.high.isFinite
          }
        )
      }
    }
  }

  @Test func `equal readings give equal snapshots`() {
    var first = SnapshotBuilder()
    var second = SnapshotBuilder()
    for step in 0..<10 {
      let next = reading(
        at: Double(step),
        (0..<20).map { site(counters(allocated: $0 * UInt64(step)), id: $0) }
      )
      #expect(first.fold(next) == second.fold(next))
    }
  }

  @Test func `sites of an exited process keep their last figures and verdict`() throws {
    var builder = SnapshotBuilder()
    for step in 0...9 {
      _ = builder.fold(
        reading(at: Double(step), [site(counters(allocated: 100 * UInt64(step + 1)))])
      )
    }
    for step in 10...40 {
      let snapshot = builder.fold(reading(at: Double(step), [], targets: []))
      let kept = try #require(snapshot.sites.first)
      #expect(kept.counters == counters(allocated: 1000))
      #expect(kept.assessment.verdict == .growing)
      let exited = try #require(snapshot.targets.first)
      #expect(exited.hasExited)
      #expect(exited.residentBytes == nil)
    }
  }

  @Test func `an exited process that is still read keeps the verdict it ended with`() throws {
    var builder = SnapshotBuilder()
    var last: Snapshot?
    for step in 0...40 {
      let count = 100 * UInt64(min(step, 10))
      last = builder.fold(
        reading(
          at: Double(step),
          [site(counters(allocated: count))],
          targets: [target(hasExited: step >= 10)]
        )
      )
    }
    #expect(last?.sites.first?.assessment.verdict == .growing)
    #expect(last?.sites.first?.counters == counters(allocated: 1000))
  }

  @Test func `only so many exited processes are kept, the latest`() {
    var builder = SnapshotBuilder(settings: .init(exitedProcessLimit: 2))
    for pid in Int32(1)...5 {
      let process = ProcessIdentity(pid: pid, startTicks: 1)
      _ = builder.fold(
        reading(
          at: Double(pid),
          [site(counters(allocated: 1), in: process)],
          targets: [target(process)]
        )
      )
    }
    let snapshot = builder.fold(reading(at: 6, [], targets: []))
    #expect(snapshot.targets.map(\.pid) == [4, 5])
    #expect(snapshot.sites.map(\.pid).sorted() == [4, 5])
  }

  @Test func `a site that appears late is new, not growing`() throws {
    var builder = SnapshotBuilder()
    for step in 0..<20 { _ = builder.fold(reading(at: Double(step), [])) }
    let snapshot = builder.fold(reading(at: 20, [site(counters(allocated: 9999))]))
    let late = try #require(snapshot.sites.first)
    #expect(late.assessment.verdict == .new)
    #expect(late.growth == GrowthRate())
  }

  @Test func `counters that run backwards start a new history`() throws {
    let history = (0...9).map { counters(allocated: 100 * $0) } + [counters(allocated: 3)]
    let site = try #require(lastSite(history))
    #expect(site.assessment.verdict == .new)
    #expect(site.counters == counters(allocated: 3))
    #expect(site.growth == GrowthRate())
  }

  @Test func `two readings at one instant divide nothing by zero`() throws {
    let site = try #require(
      lastSite((0...9).map { counters(allocated: 100 * $0) }, interval: 0)
    )
    #expect(site.growth == GrowthRate())
    #expect(site.assessment.verdict == .new)
  }

  @Test func `mappings are judged apart from heap sites`() {
    var builder = SnapshotBuilder()
    var next = reading(at: 0, [site(counters(allocated: 1))])
    next.mappings = [site(counters(allocated: 2)), site(counters(allocated: 3))]
    let snapshot = builder.fold(next)
    #expect(snapshot.sites.map(\.counters) == [counters(allocated: 1)])
    #expect(snapshot.mappings.map(\.counters) == [counters(allocated: 5)])
  }

  @Test func `growth is that of the horizon, not of all time`() throws {
    // 100 bytes a second for ten minutes, then 1000.
    let history = (0...180).map { (step: UInt64) in
      counters(allocated: 10 * step + (step > 60 ? 90 * (step - 60) : 0))
    }
    let site = try #require(lastSite(history))
    #expect(site.growth.bytesPerSecond > 990)
    #expect(site.growth.bytesPerSecond < 1010)
  }
}
