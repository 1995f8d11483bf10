import AllocationModel
import Presentation
import TestSupport
import Testing

@Suite struct TextReportTests {
  @Test(arguments: [60, 80, 120, 200])
  func `a report reads as recorded`(width: Int) {
    let report = TextReport(width: width, maximumFrames: 4).render(sampleSnapshot.limited(to: 3))
    Golden("report-\(width).txt").expect(report)
  }

  @Test(arguments: [80, 100, 160])
  func `a whole system reads as recorded`(width: Int) {
    let report = TextReport(width: width, maximumFrames: 3).render(systemSnapshot.limited(to: 2))
    Golden("system-\(width).txt").expect(report)
  }

  @Test(arguments: GroupKey.allCases, [80, 120])
  func `groups read as recorded`(key: GroupKey, width: Int) {
    let report = TextReport(width: width, maximumFrames: 3).render(
      systemSnapshot, groups: systemSnapshot.grouped(by: key), by: key, limit: 4)
    Golden("groups-\(key.rawValue)-\(width).txt").expect(report)
  }

  @Test(arguments: [60, 80, 120, 200])
  func `a process observed in windows reads as recorded`(width: Int) {
    let report = TextReport(width: width, maximumFrames: 4).render(windowsSnapshot)
    Golden("windows-\(width).txt").expect(report)
  }

  @Test(arguments: [80, 160])
  func `a system with a process in windows reads as recorded`(width: Int) {
    let report = TextReport(width: width, maximumFrames: 3)
    Golden("windows-system-\(width).txt").expect(report.render(windowsSystemSnapshot))
    Golden("windows-groups-\(width).txt").expect(
      report.render(
        windowsSystemSnapshot, groups: windowsSystemSnapshot.grouped(by: .process), by: .process,
        limit: 3))
  }

  @Test func `what counting every call costs is said where it is known`() {
    var snapshot = Snapshot(unixNanoseconds: 0, elapsed: 5, targets: [sampleSnapshot.targets[0]])
    #expect(!TextReport(width: 100).render(snapshot).contains("costs"))
    snapshot.targets[0].costShare = 0.0034
    #expect(
      TextReport(width: 100).render(snapshot).contains(
        "\n  counting costs it about 0.3 % of its time\n"))
  }

  @Test func `a tilde stands before every estimate, and where nothing is known there is none`() {
    let row = SiteRow(windowsSnapshot.sites[0])
    let figures = Dictionary(
      uniqueKeysWithValues: ColumnSet.sites(of: [row, SiteRow(sampleSnapshot.sites[0])]).all
        .map { ($0.title, $0.value(row)) })
    for title in ["LIVE", "BLOCKS", "PEAK", "OLDEST", "LIVED"] { #expect(figures[title] == "-") }
    for title in ["GROWTH", "AT LEAST", "AT MOST", "NET", "ALLOCATED", "FREED", "ALLOCS", "FREES"] {
      #expect(figures[title]?.hasPrefix("~") == true, "\(title)")
    }
    #expect(figures["SAMPLED"] == "312")
    #expect(figures["± 95 %"] == "±6.8 KiB/s")
  }

  @Test func `why a process is not observed is told with it`() {
    var snapshot = windowsSnapshot
    snapshot.targets[0].obstacle = "cannot open a window in /lib/a.so: no such process"
    let report = TextReport(width: 120, maximumFrames: 4)
    let sentence =
      "  not all of it is observed: cannot open a window in /lib/a.so: no such process\n"
    #expect(report.render(snapshot).contains(sentence))
    snapshot.targets[0].hasExited = true
    #expect(!report.render(snapshot).contains("not all of it is observed"))
  }

  @Test func `what no window has shown is not said to be nothing`() {
    var snapshot = windowsSnapshot
    snapshot.targets[0].windows?.elapsed = nil
    let report = TextReport(width: 120, maximumFrames: 4)
    #expect(report.render(snapshot).contains("  no window has shown yet what it allocates\n"))
    snapshot.targets[0].hasExited = true
    #expect(report.render(snapshot).contains("  no window has shown what it allocated\n"))
    snapshot.targets[0].windows?.elapsed = 90
    #expect(report.render(snapshot).contains("  in its last 90 s, estimated: ~"))
  }

  @Test func `windows that failed are told with the reason of the last`() {
    var snapshot = windowsSnapshot
    snapshot.targets[0].windows?.failedCount = 3
    snapshot.targets[0].windows?.failure = "cannot open a window in /lib/a.so: too many open files"
    let text = TextReport(width: 400, maximumFrames: 4).render(snapshot)
    #expect(
      text.contains(
        "; 3 more failed, the last as heaptap cannot open a window in /lib/a.so: too many open files\n"
      ))
  }

  @Test func `where nothing grows that is said`() {
    var snapshot = systemSnapshot
    for index in snapshot.targets.indices {
      snapshot.targets[index].anonymousGrowth = GrowthRate()
      snapshot.targets[index].ending = nil
    }
    snapshot.sites = []
    #expect(
      TextReport(width: 100).render(snapshot).contains("… 243 processes, none of them grows\n"))
  }

  @Test func `a coloured report reads as recorded`() {
    let report = TextReport(width: 80, usesColor: true, maximumFrames: 2)
    Golden("report-colour.txt").expect(report.render(sampleSnapshot.limited(to: 1)))
  }

  @Test func `colour adds escape sequences and nothing else`() {
    let plain = TextReport(width: 80).render(sampleSnapshot)
    let coloured = TextReport(width: 80, usesColor: true).render(sampleSnapshot)
    #expect(coloured.replacing(/\u{1B}\[[0-9]+m/, with: "") == plain)
    #expect(!plain.contains("\u{1B}"))
  }

  @Test func `nothing seen and nothing lost are said`() {
    let report = TextReport(width: 80).render(Snapshot(unixNanoseconds: 0, elapsed: 0))
    #expect(report == "nothing lost\n\nno allocation seen yet\n")
  }

  @Test func `losses are shown by reason`() {
    let report = TextReport(width: 80).render(
      Snapshot(unixNanoseconds: 0, elapsed: 0, lost: LossCounts(byReason: [.nesting: 1]))
    )
    #expect(report.hasPrefix("lost 1 event: nesting (1)\n"))
  }

  @Test func `a target seen from its start has no memory from before`() {
    var snapshot = Snapshot(unixNanoseconds: 0, elapsed: 5)
    snapshot.targets = [
      TargetSnapshot(
        pid: 7,
        name: "a",
        counters: AllocationCounters(
          allocatedBytes: 1 << 20,
          allocatedBlocks: 10,
          freedBytes: 1 << 19,
          freedBlocks: 5
        ),
        residentBytes: 4 << 20,
        residentAnonymousBytesAtStart: 0,
        isFromStart: true
      )
    ]
    #expect(
      TextReport(width: 100).render(snapshot).hasPrefix(
        """
        a  pid 7  exact  5.0 s
          live 512 KiB in 5 blocks, allocated 1.0 MiB in 10, freed 512 KiB in 5
          RSS 4.0 MiB, 512 KiB (13 %) of it traced
        nothing lost

        """
      )
    )
  }

  @Test func `one frame too many is shown, not counted`() {
    let stack = (0..<5).map { Frame(function: "f\($0)", module: "m", offset: 1) }
    let text = StackText(width: 80, maximumFrames: 4)
    #expect(text.lines(for: stack, ending: .complete).count == 5)
    #expect(
      text.lines(for: stack + stack, ending: .complete).last?.rendered(usesColor: false)
        == "… 6 more"
    )
  }

  @Test func `no line is wider than asked for, whatever the names are`() {
    var generator = SeededGenerator(seed: 10)
    for _ in 0..<150 {
      let width = Int.random(in: 20...220, using: &generator)
      var snapshot = sampleSnapshot
      snapshot.targets[0].name = randomName(using: &generator)
      snapshot.targets[0].unknownFrees = generator.next()
      snapshot.targets[0].counters.allocatedBytes = generator.next()
      if Bool.random(using: &generator) { snapshot.targets += systemSnapshot.targets }
      if Bool.random(using: &generator) {
        snapshot.targets[1] = windowsSnapshot.targets[0]
        snapshot.sites[Int.random(in: 0...2, using: &generator)].estimate =
          windowsSnapshot.sites[0].estimate
      }
      for index in snapshot.sites.indices {
        snapshot.sites[index].assessment.reason = randomName(using: &generator)
        snapshot.sites[index].counters.allocatedBlocks = generator.next()
        snapshot.sites[index].growth.high = .infinity
        snapshot.sites[index].stack = (0..<Int.random(in: 0...14, using: &generator)).map { _ in
          Frame(
            function: Bool.random(using: &generator) ? randomName(using: &generator) : nil,
            module: Bool.random(using: &generator) ? randomName(using: &generator) : nil,
            offset: generator.next(),
            file: Bool.random(using: &generator) ? randomName(using: &generator) : nil,
            line: 3
          )
        }
      }
      let report = TextReport(width: width, maximumFrames: 8).render(snapshot)
      let widest = report.split(separator: "\n").map(\.count).max() ?? 0
      #expect(widest <= width)
      #expect(
        report.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control }
      )
    }
  }

  private func randomName(using generator: inout SeededGenerator) -> String {
    let alphabet: [Character] = [
      "a", "Z", "_", ":", "<", "é", "漢", "字", "🧵", "👩‍👩‍👧", "\u{301}", "\n", "\u{1B}", "\t",
      "\r\n", "\u{85}", "\u{202E}", " ", "…",
    ]
    return String(
      (0..<Int.random(in: 0...120, using: &generator)).compactMap { _ in
        alphabet.randomElement(using: &generator)
      }
    )
  }
}
