import AllocationModel
import Exporters
import Foundation
import TestSupport
import Testing

@Suite struct JSONSnapshotExporterTests {
  private let exporter = JSONSnapshotExporter()

  @Test func `a snapshot reads as recorded`() {
    var snapshot = Snapshot(unixNanoseconds: 1_772_366_400_250_999_999, elapsed: 4)
    snapshot.targets = [
      TargetSnapshot(
        pid: 4711,
        name: "app",
        counters: AllocationCounters(
          allocatedBytes: 1000,
          allocatedBlocks: 10,
          freedBytes: 300,
          freedBlocks: 3
        ),
        inheritedFrees: 1,
        unknownFrees: 2,
        failedAllocations: 3,
        residentBytes: 8192,
        residentAnonymousBytes: 4096
      ),
      TargetSnapshot(
        pid: 4712,
        name: "gone",
        counters: AllocationCounters(),
        isFromStart: true,
        hasExited: true
      ),
    ]
    let site = SiteSnapshot(
      id: SiteID(rawValue: 0xabc),
      pid: 4711,
      stack: [
        Frame(
          function: "leaky",
          module: "app",
          buildID: "c0ffee",
          offset: 0x118c,
          file: "app.c",
          line: 5
        ),
        Frame(offset: 0x7f00_0000_0000, isInlined: true),
      ],
      ending: .noRule,
      counters: AllocationCounters(
        allocatedBytes: 1000,
        allocatedBlocks: 10,
        freedBytes: 300,
        freedBlocks: 3
      ),
      growth: GrowthRate(bytesPerSecond: 175, low: 100.125, high: 249.9),
      oldest: 3.25,
      assessment: Assessment(verdict: .growing, reason: "grew \"much\"")
    )
    var unknown = site
    unknown.oldest = nil
    unknown.stack = []
    snapshot.sites = [site, unknown]
    snapshot.sites[0].temporaryBlocks = 4
    snapshot.sites[0].lifetimes = Lifetimes(median: 0.5, percentile90: 2)
    snapshot.sites[0].peakBytes = 900
    var census = TargetSnapshot(
      pid: 4713, startTicks: 88, name: "exporter", parent: 1, executable: "/usr/bin/exporter",
      cgroup: "/system.slice/exporter.service", mode: .census, residentBytes: 9000,
      residentAnonymousBytes: 5000, heapBytes: 20_000,
      obstacle: "it is a Go program: Go's heap is not seen")
    census.anonymousGrowth = GrowthRate(bytesPerSecond: 10, low: -1, high: 21)
    census.peakAnonymousBytes = 6000
    snapshot.targets += [
      census,
      TargetSnapshot(pid: 4714, name: "killed", ending: .killed(signal: 15)),
      TargetSnapshot(pid: 4715, name: "cut", ending: .outOfMemory),
      TargetSnapshot(pid: 4716, name: "done", ending: .exited(status: 3)),
    ]
    snapshot.mappings = [unknown]
    snapshot.lost = LossCounts(byReason: [.skippedReturn: 1, .blockTableFull: 2])
    Golden("snapshot.json").expect(exporter.line(for: snapshot) + "\n")
    let groups = JSONSnapshotExporter(groupKey: .executable)
      .line(for: snapshot, groups: snapshot.grouped(by: .executable))
    Golden("groups.json").expect(groups + "\n")
  }

  @Test func `a process observed in windows reads as recorded`() {
    var flow = SiteFlow(site: 3, sampledBlocks: 312)
    flow.netBlocks = SiteFlow.Bounds(value: 420_000.25, low: 360_000, high: 490_000)
    let snapshot = Snapshot(
      unixNanoseconds: 1_772_366_400_250_999_999, elapsed: 482,
      targets: [
        TargetSnapshot(
          pid: 4711, name: "app", mode: .windows,
          counters: AllocationCounters(
            allocatedBytes: 1000, allocatedBlocks: 10, freedBytes: 300, freedBlocks: 3),
          windows: WindowUse(
            count: 1204, failedCount: 3,
            failure: "cannot open a window in /lib/a.so: no such device",
            openShare: 0.0186, costShare: 0.0000123, budget: 0.02,
            unattributedFrees: 17.5,
            netBytes: SiteFlow.Bounds(value: 90_000.5, low: -10_000, high: 190_000),
            elapsed: 480.5)),
        TargetSnapshot(pid: 4712, name: "counted", costShare: 0.0034),
      ],
      sites: [
        SiteSnapshot(
          id: SiteID(rawValue: 0xabc), pid: 4711, stack: [],
          counters: AllocationCounters(
            allocatedBytes: 1000, allocatedBlocks: 10, freedBytes: 300, freedBlocks: 3),
          peakBytes: 9, temporaryBlocks: 9,
          growth: GrowthRate(bytesPerSecond: 42_000, low: 36_000, high: 49_000),
          estimate: SiteEstimate(flow: flow, elapsed: 480.5, windowCount: 1204),
          assessment: Assessment(verdict: .growing, reason: "r"))
      ])
    let exporter = JSONSnapshotExporter(groupKey: .process)
    let line = exporter.line(for: snapshot, groups: snapshot.grouped(by: .process))
    Golden("windows.json").expect(line + "\n")
  }

  @Test func `an empty snapshot is the contract without items`() {
    #expect(
      exporter.line(for: Snapshot(unixNanoseconds: 0, elapsed: 0))
        == #"{"schema":"heaptap.watch/1","time":"1970-01-01T00:00:00.000Z","elapsed_s":0.0,"#
        + #""targets":[],"sites":[],"lost":{"total":0,"by_reason":{}},"#
        + #""mappings":[],"omitted_sites":0}"#
    )
  }

  @Test func `another parser reads what was written, whatever it is`() throws {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<300 {
      let name = randomText(using: &generator)
      let reason = randomText(using: &generator)
      let growth = randomNumber(using: &generator)
      let snapshot = Snapshot(
        unixNanoseconds: 0,
        elapsed: randomNumber(using: &generator),
        targets: [
          TargetSnapshot(
            pid: 1,
            name: name,
            counters: AllocationCounters(allocatedBytes: generator.next())
          )
        ],
        sites: [
          SiteSnapshot(
            id: SiteID(rawValue: generator.next()),
            pid: 1,
            stack: [Frame(function: reason, offset: generator.next(), file: name)],
            counters: AllocationCounters(),
            growth: GrowthRate(bytesPerSecond: growth, low: -growth, high: .infinity),
            assessment: Assessment(verdict: .mixed, reason: reason)
          )
        ]
      )
      let line = exporter.line(for: snapshot)
      #expect(
        !line.contains { $0.isNewline && $0 != "\u{2028}" && $0 != "\u{2029}" && $0 != "\u{85}" }
      )
      let object = try #require(try parse(line) as? [String: Any])
      let target = try #require((object["targets"] as? [[String: Any]])?.first)
      #expect(scalars(target["name"]) == Array(name.unicodeScalars))
      #expect((target["allocated_bytes"] as? UInt64) == snapshot.targets[0].counters.allocatedBytes)
      #expect(target["rss_bytes"] is NSNull)
      let site = try #require((object["sites"] as? [[String: Any]])?.first)
      #expect(scalars(site["reason"]) == Array(reason.unicodeScalars))
      let rate = try #require(site["growth_bytes_per_s"] as? Double)
      let expected = growth.isNaN ? 0 : growth
      if expected.isFinite {
        #expect((rate - expected).magnitude <= max(0.0005, expected.magnitude * 1e-15))
      }
      #expect(rate.isFinite)
      let frame = try #require((site["stack"] as? [[String: Any]])?.first)
      #expect(scalars(frame["function"]) == Array(reason.unicodeScalars))
      #expect(frame["module"] is NSNull)
    }
  }

  @Test(arguments: [
    (0.0, "0.0"), (-0.0, "0.0"), (4, "4.0"), (-1.5, "-1.5"), (0.1 + 0.2, "0.3"), (1e-9, "0.0"),
    (1e16, "1.0e+16"), (123_456_789.125, "123456789.125"), (.nan, "0.0"),
    (.infinity, "1.7976931348623157e+308"),
  ])
  func `floats always have a decimal point`(value: Double, text: String) {
    let line = exporter.line(for: Snapshot(unixNanoseconds: 0, elapsed: value))
    #expect(line.contains("\"elapsed_s\":\(text),"))
  }

  @Test func `times are those of the calendar`() {
    var generator = SeededGenerator(seed: 12)
    let formatter = ISO8601DateFormatter()
    for _ in 0..<300 {
      let seconds = Int64.random(in: -2_000_000_000...9_000_000_000, using: &generator)
      let line = exporter.line(
        for: Snapshot(unixNanoseconds: seconds * 1_000_000_000 + 7_000_000, elapsed: 0)
      )
      let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
        .replacing("Z", with: ".007Z")
      #expect(line.contains("\"time\":\"\(expected)\""))
    }
  }

  private func parse(_ line: String) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(line.utf8))
  }

  /// Scalars, since strings that are only canonically equal would not be what was written.
  private func scalars(_ value: Any?) -> [Unicode.Scalar]? {
    (value as? String).map { Array($0.unicodeScalars) }
  }

  private func randomText(using generator: inout SeededGenerator) -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0...40, using: &generator) {
      let limit: UInt32 = Bool.random(using: &generator) ? 0x80 : 0x11_0000
      if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  private func randomNumber(using generator: inout SeededGenerator) -> Double {
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: Double(bitPattern: generator.next())
    case 1: Double.random(in: -1e6...1e6, using: &generator)
    case 2: Double.random(in: -1...1, using: &generator)
    default: [0, .nan, .infinity, -.infinity].randomElement(using: &generator) ?? 0
    }
  }
}
