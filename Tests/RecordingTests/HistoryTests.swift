import AllocationModel
import Foundation
import Recording
import TestSupport
import Testing

@Suite struct HistoryTests {
  private let host = HostIdentity(name: "h", kernel: "k", heaptapVersion: "v")
  private let files: ScratchDirectory
  private var path: String { files.path("history.sqlite") }

  init() throws { files = try ScratchDirectory() }

  private func open(
    _ plan: ThinningPlan = .standard(summaryInterval: 3600, retention: 30 * 86400)
  ) throws -> History {
    try History(path: path, plan: plan, siteLimit: 5, host: host, unixNanoseconds: 0)
  }

  private func snapshot(
    _ seconds: Int64, live: UInt64, pid: Int32 = 1, exited: Bool = false,
    sites: [SiteSnapshot] = []
  ) -> Snapshot {
    Snapshot(
      unixNanoseconds: seconds * 1_000_000_000, elapsed: Double(seconds),
      targets: [
        TargetSnapshot(
          pid: pid, name: "app",
          counters: AllocationCounters(allocatedBytes: live, allocatedBlocks: live),
          residentBytes: 4096, hasExited: exited)
      ], sites: sites)
  }

  private func suspect(_ id: UInt64, stack: [Frame]) -> SiteSnapshot {
    SiteSnapshot(
      id: SiteID(rawValue: id), pid: 1, stack: stack,
      counters: AllocationCounters(allocatedBytes: 7, allocatedBlocks: 1),
      growth: GrowthRate(bytesPerSecond: .nan, low: -.infinity, high: .infinity),
      assessment: Assessment(verdict: .growing, reason: "r"))
  }

  private func samples(_ history: History) throws -> [[Int64]] {
    try history.read { query in
      try query.processes().map { process in
        try query.samples(of: process, in: .min ..< .max).map(\.time)
      }
    }
  }

  @Test func `what was recorded is there after opening again`() throws {
    let frames = [
      Frame(
        function: "leak \"x\"", module: "app", buildID: "c0", offset: .max, file: "a.c", line: 3),
      Frame(offset: 1, isInlined: true),
    ]
    do {
      let history = try open()
      try history.record(snapshot(10, live: 100, sites: [suspect(.max, stack: frames)]))
      try history.record(snapshot(12, live: 300))
      try history.close()
    }
    let history = try open()
    #expect(history.damagedFile == nil)
    try history.read { query in
      let process = try #require(try query.processes().first)
      #expect(process.pid == 1)
      #expect(process.name == "app")
      let samples = try query.samples(of: process, in: 0..<100_000)
      #expect(samples.map(\.liveBytes) == [100, 300])
      #expect(samples.map(\.time) == [10_000, 12_000])
      #expect(try query.suspects(of: process) == [SiteID(rawValue: .max)])
      #expect(try query.stack(of: SiteID(rawValue: .max)) == frames)
      #expect(
        try query.samples(of: SiteID(rawValue: .max), in: process, 0..<100_000).map(\.liveBytes)
          == [7])
    }
  }

  @Test func `what does not change is written once a minute`() throws {
    let history = try open()
    for second in stride(from: Int64(0), through: 130, by: 2) {
      try history.record(snapshot(second, live: 5))
    }
    #expect(try samples(history) == [[0, 60_000, 120_000]])
  }

  @Test func `a stack is replaced by one that has lines, and not the other way round`() throws {
    let history = try open()
    let bare = [Frame(function: "f", offset: 1)]
    let whole = [Frame(function: "f", offset: 1, file: "f.c", line: 9)]
    for stack in [bare, whole, bare] {
      try history.record(snapshot(1, live: 1, sites: [suspect(3, stack: stack)]))
    }
    #expect(try history.read { try $0.stack(of: SiteID(rawValue: 3)) } == whole)
  }

  @Test func `an ended process is closed, and its pid then names another`() throws {
    let history = try open()
    try history.record(snapshot(1, live: 10))
    try history.record(snapshot(2, live: 20, exited: true))
    try history.record(snapshot(3, live: 20, exited: true))
    try history.record(snapshot(4, live: 1))
    let processes = try history.read { try $0.processes() }
    #expect(processes.map(\.ended) == [2000, nil])
    #expect(try samples(history) == [[1000, 2000], [4000]])
  }

  @Test func `old samples are thinned to the last of each bucket, with the highest peak`() throws {
    let plan = ThinningPlan(tiers: [
      ThinningPlan.Tier(age: 100, spacing: 0), ThinningPlan.Tier(age: 1000, spacing: 60),
    ])
    let history = try open(plan)
    for second in Int64(0)..<200 {
      try history.record(snapshot(second, live: second == 30 ? 9999 : UInt64(10_000 + second)))
    }
    try history.thin(unixNanoseconds: 200_000_000_000)
    let times = try #require(try samples(history).last)
    #expect(times.first { $0 >= 60_000 } == 60_000, "younger ones are whole")
    #expect(times.filter { $0 < 60_000 }.allSatisfy { $0 == 29_000 || $0 == 59_000 })
    let all = try history.read { query in
      try query.processes().flatMap { try query.samples(of: $0, in: 0..<60_000) }
    }
    #expect(all.map(\.liveBytesPeak) == all.map(\.liveBytes), "they only grew")
    try history.thin(unixNanoseconds: 2_000_000_000_000)
    #expect(try samples(history).allSatisfy(\.isEmpty))
  }

  @Test func `the peak of thinned samples stays`() throws {
    let plan = ThinningPlan(tiers: [
      ThinningPlan.Tier(age: 100, spacing: 0), ThinningPlan.Tier(age: 1000, spacing: 60),
    ])
    let history = try open(plan)
    for (second, freed) in [(1, 0), (2, 900), (3, 990)] as [(Int64, UInt64)] {
      var snapshot = snapshot(second, live: 1000)
      snapshot.targets[0].counters.freedBytes = freed
      try history.record(snapshot)
    }
    try history.thin(unixNanoseconds: 200_000_000_000)
    let samples = try history.read { query in
      try query.processes().flatMap { try query.samples(of: $0, in: 0..<60_000) }
    }
    #expect(samples.map(\.liveBytes) == [10])
    #expect(samples.map(\.liveBytesPeak) == [1000])
  }

  private func windowed(_ seconds: Int64, live: UInt64) -> Snapshot {
    var site = suspect(3, stack: [])
    site.estimate = SiteEstimate(
      flow: SiteFlow(site: 0, sampledBlocks: 9), elapsed: 60, windowCount: 30)
    var snapshot = snapshot(seconds, live: live, sites: [site])
    snapshot.targets[0].mode = .windows
    return snapshot
  }

  @Test func `what windows estimate is told apart from what was counted`() throws {
    let plan = ThinningPlan(tiers: [
      ThinningPlan.Tier(age: 100, spacing: 0), ThinningPlan.Tier(age: 1000, spacing: 60),
    ])
    let history = try open(plan)
    try history.record(snapshot(1, live: 500, sites: [suspect(3, stack: [])]))
    // Of a rolling horizon, so they go down, too.
    for (second, live) in [(2, 90), (3, 70), (4, 40)] as [(Int64, UInt64)] {
      try history.record(windowed(second, live: live))
    }
    try history.record(snapshot(70, live: 8))
    func samples() throws -> [HistoryQuery.Sample] {
      try history.read { query in
        let process = try #require(try query.processes().first)
        #expect(try query.processes().count == 1)
        #expect(
          try query.samples(of: SiteID(rawValue: 3), in: process, 0..<100_000).last?.isEstimated
            == true)
        return try query.samples(of: process, in: 0..<100_000)
      }
    }
    #expect(try samples().map(\.liveBytes) == [500, 90, 70, 40, 8])
    #expect(try samples().map(\.isEstimated) == [false, true, true, true, false])
    try history.thin(unixNanoseconds: 200_000_000_000)
    #expect(try samples().map(\.liveBytes) == [40, 8])
    #expect(try samples().map(\.liveBytesPeak) == [90, 8], "not 500, which was counted")
  }

  @Test func `a history of the first format is taken over`() async throws {
    do {
      let history = try open()
      try history.record(snapshot(1, live: 5, sites: [suspect(3, stack: [])]))
      try history.close()
    }
    let older = try await RunningProgram([
      "sqlite3", path,
      """
      ALTER TABLE process_sample DROP COLUMN estimated;
      ALTER TABLE site_sample DROP COLUMN estimated;
      DELETE FROM grdb_migrations WHERE identifier = '2';
      PRAGMA user_version = 1;
      """,
    ]).result()
    #expect(older.end == .status(0), "\(older.errors)")
    let history = try open()
    #expect(history.damagedFile == nil)
    try history.record(windowed(2, live: 7))
    let flags = try history.read { query in
      try query.processes().flatMap { try query.samples(of: $0, in: 0..<100_000) }
        .map(\.isEstimated)
    }
    #expect(flags == [false, true])
  }

  @Test func `stacks that nothing refers to go, and are written again when needed`() throws {
    let history = try open(
      ThinningPlan(tiers: [ThinningPlan.Tier(age: 100, spacing: 0)]))
    let site = suspect(3, stack: [Frame(function: "f", offset: 1)])
    try history.record(snapshot(1, live: 1, sites: [site]))
    try history.thin(unixNanoseconds: 500_000_000_000)
    #expect(try history.read { try $0.stack(of: site.id) } == nil)
    try history.record(snapshot(500, live: 2, sites: [site]))
    #expect(try history.read { try $0.stack(of: site.id) } == site.stack)
  }

  @Test(arguments: ["garbage", "header", "page"])
  func `a damaged history is moved aside and a new one begun`(damage: String) throws {
    do {
      let history = try open()
      for second in Int64(0)..<500 { try history.record(snapshot(second, live: UInt64(second))) }
      try history.close()
    }
    var bytes = try Data(contentsOf: URL(filePath: path))
    switch damage {
    case "garbage": bytes = Data((0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 37) })
    case "header": bytes.replaceSubrange(0..<60, with: Data(repeating: 0x41, count: 60))
    default: bytes.replaceSubrange(4096..<12_288, with: Data(repeating: 0xA5, count: 8192))
    }
    try bytes.write(to: URL(filePath: path))
    let history = try open()
    #expect(history.damagedFile == path + ".damaged-1")
    #expect(try Data(contentsOf: URL(filePath: path + ".damaged-1")) == bytes)
    try history.record(snapshot(1, live: 1))
    #expect(try samples(history) == [[1000]])
  }

  @Test func `a history of a newer heaptap is left alone`() async throws {
    do {
      let history = try open()
      try history.close()
    }
    let result = try await RunningProgram(["sqlite3", path, "PRAGMA user_version = 99"]).result()
    #expect(result.end == .status(0), "\(result.errors)")
    let error = #expect(throws: HistoryError.self) { _ = try open() }
    #expect(error?.reason == .tooNew)
    #expect(
      error?.description
        == "cannot use the history \(path): it has format 99, which a newer heaptap wrote, and this one knows "
        + "formats up to 2; update heaptap or choose another path")
    #expect(!FileManager.default.fileExists(atPath: path + ".damaged-1"))
  }

  @Test func `a history in a missing folder is a sentence`() {
    let error = #expect(throws: HistoryError.self) {
      _ = try History(
        path: files.path("none/history.sqlite"), plan: ThinningPlan(tiers: []), siteLimit: 1,
        host: host, unixNanoseconds: 0)
    }
    #expect(error?.reason == .inaccessible)
    #expect(error?.description.hasPrefix("cannot open the history ") == true)
  }
}
