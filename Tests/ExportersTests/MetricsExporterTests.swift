import AllocationModel
import Exporters
import Foundation
import TestSupport
import Testing

@Suite struct MetricsExporterTests {
  private let own = MetricsExporter.Own(
    host: HostIdentity(name: "h", kernel: "6.1.0 x86_64", heaptapVersion: "0.1.0"),
    pollDuration: 0.0125, snapshotAge: 1.5, startNanoseconds: 1_772_366_400_250_000_000,
    residentBytes: 52_428_800, cpuSeconds: 12.25, failedWrites: ["summary": 1, "history": 0])

  private var snapshot: Snapshot {
    var snapshot = Snapshot(unixNanoseconds: 0, elapsed: 60)
    snapshot.targets = [
      target(7, "plain", live: 700), target(8, "od\"d\\na\nme\u{1B}", live: 900),
      target(9, "gone", live: 1_000_000, exited: true),
      target(10, "unread", live: 0, anonymous: nil), windowed(11), target(12, "cheap", live: 3),
    ]
    snapshot.targets[5].costShare = 0.003
    snapshot.sites = [
      site(1, .growing, "operator new<\"x\">"), site(1, .growing, "twice"),
      site(2, .steady, "quiet"),
      site(3, .growing, nil), estimated(5), site(4, .growing, "beyond the limit"),
    ]
    snapshot.lost = LossCounts(byReason: [.nesting: 4])
    return snapshot
  }

  private func target(
    _ pid: Int32, _ name: String, live: UInt64, exited: Bool = false, anonymous: UInt64? = 4096
  ) -> TargetSnapshot {
    TargetSnapshot(
      pid: pid, name: name,
      counters: AllocationCounters(
        allocatedBytes: live + 300, allocatedBlocks: 12, freedBytes: 300, freedBlocks: 5),
      residentAnonymousBytes: anonymous, hasExited: exited)
  }

  private func windowed(_ pid: Int32) -> TargetSnapshot {
    var target = target(pid, "busy", live: 1)
    target.mode = .windows
    target.windows = WindowUse(count: 5, openShare: 0.0125, costShare: 0.0175, budget: 0.02)
    return target
  }

  private func estimated(_ id: UInt64) -> SiteSnapshot {
    var site = site(id, .growing, "sampled")
    site.pid = 11
    site.estimate = SiteEstimate(
      flow: SiteFlow(site: 1, sampledBlocks: 3), elapsed: 60, windowCount: 9)
    return site
  }

  private func site(_ id: UInt64, _ verdict: Verdict, _ function: String?) -> SiteSnapshot {
    SiteSnapshot(
      id: SiteID(rawValue: id), pid: 7,
      stack: [Frame(function: function, module: "plain", offset: 1)],
      counters: AllocationCounters(allocatedBytes: 70, allocatedBlocks: 2),
      growth: GrowthRate(bytesPerSecond: id == 3 ? .infinity : 2.5, low: 1, high: 3),
      assessment: Assessment(verdict: verdict, reason: "r"))
  }

  @Test(arguments: MetricsFormat.allCases)
  func `metrics read as recorded`(format: MetricsFormat) {
    let text = MetricsExporter(siteLimit: 4).text(for: snapshot, own, as: format)
    Golden("metrics-\(format).txt").expect(text)
  }

  @Test func `prometheus finds nothing to object to`() async throws {
    let files = try ScratchDirectory()
    for snapshot in [snapshot, nil] {
      let text = MetricsExporter(siteLimit: 3).text(for: snapshot, own, as: .prometheus)
      try text.write(toFile: files.path("metrics"), atomically: true, encoding: .utf8)
      let check = try await RunningProgram([
        "bash", "-c", "promtool check metrics < \(files.path("metrics"))",
      ]).result()
      #expect(check.end == .status(0))
      #expect(check.output + check.errors == "")
    }
  }

  @Test func `the number of series is bounded`() {
    var snapshot = Snapshot(unixNanoseconds: 0, elapsed: 1)
    snapshot.targets = (1...5000).map { target($0, "p", live: UInt64($0)) }
    snapshot.sites = (1...5000).map { site($0, .growing, "f") }
    let text = MetricsExporter(siteLimit: 20).text(for: snapshot, own, as: .prometheus)
    let lines = text.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("heaptap_process_live_bytes{") } == 1000)
    #expect(lines.count { $0.hasPrefix("heaptap_site_live_bytes{") } == 20)
    #expect(text.contains("heaptap_process_live_bytes{pid=\"5000\""), "the largest are kept")
    #expect(!text.contains("heaptap_process_live_bytes{pid=\"4000\""))
  }

  @Test(
    arguments: [
      (nil, .prometheus), ("*/*", .prometheus), ("", .prometheus), ("text/html", .prometheus),
      ("application/openmetrics-text", .openMetrics),
      ("application/openmetrics-text; version=0.0.1", .prometheus),
      (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
      ),
      ("text/plain;q=0.9, application/openmetrics-text;q=0.8", .prometheus),
      ("application/openmetrics-text;q=0", .prometheus),
      ("APPLICATION/OpenMetrics-Text ; Q=0.5 , */*;q=0.1", .openMetrics),
      (";;;q=,,=", .prometheus),
    ] as [(String?, MetricsFormat)])
  func `a client gets the format it prefers`(accept: String?, format: MetricsFormat) {
    #expect(MetricsFormat.preferred(accept: accept) == format)
  }
}
