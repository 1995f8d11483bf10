import AllocationModel
import Presentation
import TestSupport
import Testing

@Suite struct LeakTextTests {
  @Test(arguments: [60, 100])
  func `leaks read as recorded`(width: Int) throws {
    let list = try SuppressionList(parsing: "leak:^std::_Hashtable")
    let report = LeakReport(sampleSnapshot, suppressions: list, limit: 4096)
    let text = LeakText(width: width, maximumFrames: 3, maximumSites: 1)
    Golden("leaks-\(width).txt").expect(text.render(report, lost: sampleSnapshot.lost))
  }

  @Test func `nothing leaked is said`() {
    let report = LeakReport(Snapshot(unixNanoseconds: 0, elapsed: 1))
    #expect(
      LeakText(width: 80, maximumFrames: 3, maximumSites: 9).render(report, lost: LossCounts())
        == "no leaks: everything was freed or is suppressed\n")
  }
}
