import AllocationModel
import Testing

@Suite struct VerdictTests {
  @Test func `a site that never frees is growing, with its figures as the reason`() throws {
    let site = try #require(lastSite((0...50).map { counters(allocated: 100 * $0) }))
    #expect(site.assessment.verdict == .growing)
    #expect(site.assessment.reason == "grew 1000 B/s for 8 min, 0 of 4,600 blocks freed")
    #expect(site.growth.bytesPerSecond == 1000)
    #expect(site.growth.low > 950 && site.growth.high < 1050)
  }

  @Test func `what is left when old blocks survive is called kept`() throws {
    let history = (0...50).map { counters(allocated: 100 * $0, freed: 70 * $0) }
    let site = try #require(lastSite(history, oldest: 500))
    #expect(
      site.assessment.reason
        == "grew 300 B/s for 8 min, 3,220 of 4,600 blocks freed, kept: the oldest is 8 min old"
    )
  }

  @Test func `what is freed later and later is called a backlog`() throws {
    let history = (0...50).map { counters(allocated: 100 * $0, freed: 70 * $0) }
    let site = try #require(lastSite(history, oldest: 150))
    #expect(
      site.assessment.reason
        == "grew 300 B/s for 8 min, 3,220 of 4,600 blocks freed, backlog: none is older than 3 min"
    )
  }

  @Test func `a buffer that realloc grows is growing although it stays one block`() throws {
    // The n-th realloc frees n KiB and allocates n + 1 KiB.
    let history = (0...20).map { (step: UInt64) in
      AllocationCounters(
        allocatedBytes: 1024 * (step + 1) * (step + 2) / 2,
        allocatedBlocks: step + 1,
        freedBytes: 1024 * step * (step + 1) / 2,
        freedBlocks: step
      )
    }
    let site = try #require(lastSite(history, interval: 1))
    #expect(site.counters.liveBytes == 21 * 1024)
    #expect(site.assessment.verdict == .growing)
    #expect(site.assessment.reason == "grew 1.0 KiB/s for 20 s, one growing block of now 21 KiB")
    #expect(site.growth.bytesPerSecond == 1024)
    #expect(site.growth.low > 0)
  }

  @Test func `a buffer that doubles ever more rarely is growing`() throws {
    var sizes: [UInt64] = [1024]
    let history = (0...60).map { (step: Int) in
      if step > 0, step & (step - 1) == 0 { sizes.append(2 * sizes[sizes.count - 1]) }
      return AllocationCounters(
        allocatedBytes: sizes.reduce(0, +),
        allocatedBlocks: UInt64(sizes.count),
        freedBytes: sizes.dropLast().reduce(0, +),
        freedBlocks: UInt64(sizes.count - 1)
      )
    }
    #expect(lastSite(history, interval: 1)?.assessment.verdict == .growing)
  }

  @Test func `many buffers that realloc grows are growing`() throws {
    // A thousand blocks, each replaced in every interval by one of 64 more bytes.
    var total = counters(allocated: 1000)
    let history = (0...20).map { (step: UInt64) in
      defer {
        total += AllocationCounters(
          allocatedBytes: 1000 * (100 + 64 * (step + 1)),
          allocatedBlocks: 1000,
          freedBytes: 1000 * (100 + 64 * step),
          freedBlocks: 1000
        )
      }
      return total
    }
    let site = try #require(lastSite(history))
    #expect(site.assessment.verdict == .growing)
    #expect(site.growth.low > 0)
    #expect(site.assessment.reason.hasSuffix("17,000 blocks took the place of smaller ones"))
  }

  @Test func `a cache that has filled is settling`() throws {
    let history = (0...50).map { (step: UInt64) in
      counters(allocated: 100 * step, freed: step > 20 ? 100 * (step - 20) : 0)
    }
    let site = try #require(lastSite(history))
    #expect(site.assessment.verdict == .settling)
    #expect(
      site.assessment.reason
        == "grew 156 KiB, then 2,400 blocks allocated and 2,400 freed in the last 4 min"
    )
    #expect(site.growth.bytesPerSecond == 0)
  }

  @Test func `blocks allocated at start-up are idle once the horizon has passed them`() throws {
    let history = (0...90).map { counters(allocated: min($0, 6) * 50) }
    let site = try #require(lastSite(history))
    #expect(site.assessment.verdict == .idle)
    #expect(site.assessment.reason == "300 blocks held, no allocation or free for 10 min")
    #expect(site.growth == GrowthRate())
  }

  @Test func `equal rates are steady`() throws {
    let history = (0...50).map { counters(allocated: 1000 * $0 + 7, freed: 1000 * $0) }
    let site = try #require(lastSite(history))
    #expect(site.assessment.verdict == .steady)
    #expect(site.assessment.reason == "46,000 blocks allocated and 46,000 freed in 8 min")
  }

  @Test func `four samples are too few for a verdict, five are enough`() throws {
    let history = (0...4).map { counters(allocated: 100 * $0) }
    let four = try #require(lastSite(Array(history.prefix(4)), interval: 1))
    #expect(four.assessment.verdict == .new)
    #expect(four.assessment.reason == "seen for 3.0 s in 4 of the 5 samples a verdict needs")
    #expect(lastSite(history, interval: 1)?.assessment.verdict == .growing)
  }

  @Test func `a shrinking site is mixed and says that it shrinks`() throws {
    let history = (0...50).map { counters(allocated: 10_000, freed: 100 * $0) }
    let site = try #require(lastSite(history))
    #expect(site.assessment.verdict == .mixed)
    #expect(
      site.assessment.reason
        == "shrank 1000 B/s for 8 min, 0 blocks allocated and 4,600 freed in 8 min"
    )
    #expect(site.growth.high < 0)
  }

  @Test func `a site that has freed everything and rests is mixed`() throws {
    let site = try #require(lastSite((0...9).map { _ in counters(allocated: 5, freed: 5) }))
    #expect(site.assessment.verdict == .mixed)
    #expect(site.assessment.reason == "nothing live, no allocation or free for 90 s")
  }

  @Test func `a single burst is not growing`() throws {
    let history = (0...20).map { counters(allocated: $0 < 10 ? 0 : 1000) }
    let verdict = try #require(lastSite(history)?.assessment.verdict)
    #expect(verdict != .growing)
  }

  @Test func `a slow leak among quiet polls is growing`() throws {
    // One block a minute, polled every two seconds for an hour.
    let history = (0...1800).map { counters(allocated: $0 / 30) }
    #expect(lastSite(history, interval: 2)?.assessment.verdict == .growing)
  }

  @Test func `lifetimes tell why what is kept stands out`() throws {
    var builder = SnapshotBuilder()
    var last: SiteSnapshot?
    for step in UInt64(0)...50 {
      var next = site(counters(allocated: 100 * step, freed: 70 * step), oldest: 500)
      next.lifetimes = Lifetimes(median: 0.4, percentile90: 2)
      last = builder.fold(reading(at: Double(step) * 10, [next])).sites.first
    }
    #expect(
      last?.assessment.reason
        == "grew 300 B/s for 8 min, 3,220 of 4,600 blocks freed, kept: freed blocks lived 0.4 s "
        + "at the median, 9 of 10 at most 2.0 s, but the oldest is 8 min old")
  }

  @Test func `three new entries in five minutes are not growing`() throws {
    let history = (0...150).map { (step: UInt64) in counters(allocated: 1000 + step / 50) }
    #expect(try #require(lastSite(history, interval: 2)).assessment.verdict != .growing)
  }

  @Test func `a leak is still growing after hours, and settling soon after it is mended`() throws {
    let history = (0...3600).map { (step: UInt64) in counters(allocated: min(step, 3000) * 5) }
    #expect(lastSite(Array(history.prefix(3000)), interval: 2)?.assessment.verdict == .growing)
    #expect(lastSite(Array(history.prefix(3200)), interval: 2)?.assessment.verdict == .settling)
    #expect(lastSite(history, interval: 2)?.assessment.verdict == .idle)
  }
}
