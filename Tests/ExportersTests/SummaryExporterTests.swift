import AllocationModel
import Exporters
import Foundation
import TestSupport
import Testing

@Suite struct SummaryExporterTests {
  @Test func `a summary in JSON reads as recorded`() throws {
    let text = JSONSummaryExporter().text(for: sampleSummary())
    Golden("summary.json").expect(text)
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    #expect((object as? [String: Any])?["schema"] as? String == "heaptap.summary/1")
  }

  @Test func `a summary for people reads as recorded`() {
    let text = TextSummaryExporter(maximumFrames: 2).text(for: sampleSummary())
    Golden("summary.txt").expect(text)
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
  }

  @Test func `a summary of a process in windows reads as recorded`() {
    let summary = windowsSummary()
    Golden("summary-windows.txt").expect(TextSummaryExporter(maximumFrames: 2).text(for: summary))
    Golden("summary-windows.json").expect(JSONSummaryExporter().text(for: summary))
  }

  @Test func `an empty period is a summary, too`() {
    let host = HostIdentity(name: "h", kernel: "k", heaptapVersion: "v")
    let summary = Summary(period: Period(from: 0, to: 60_000_000_000), host: host, snapshotCount: 0)
    Golden("summary-empty.txt").expect(TextSummaryExporter().text(for: summary))
    Golden("summary-empty.json").expect(JSONSummaryExporter().text(for: summary))
  }

  @Test func `a file name sorts by time`() {
    #expect(Timestamp(unixNanoseconds: 1_772_366_400_250_000_000).fileName == "20260301T120000Z")
  }
}
