import AllocationModel
import Presentation
import Testing

@Suite struct TextTableTests {
  @Test func `columns are unique and all of them are ranked`() {
    expectOrder(of: ColumnSet.sites)
    expectOrder(of: ColumnSet.processes)
    for key in GroupKey.allCases { expectOrder(of: ColumnSet.groups(by: key)) }
  }

  private func expectOrder<Row>(of columns: ColumnSet<Row>) {
    let titles = columns.all.map(\.title)
    #expect(Set(titles).count == titles.count)
    #expect(titles.sorted() == columns.importance.sorted())
    #expect(columns.all.allSatisfy { $0.title.count <= $0.width })
  }

  @Test func `the process is shown only where there is more than one`() {
    #expect(TextReport(width: 120).render(sampleSnapshot).contains("PROCESS"))
    var snapshot = sampleSnapshot
    snapshot.targets.removeLast()
    snapshot.sites.removeLast()
    let report = TextReport(width: 120).render(snapshot)
    #expect(!report.contains("PROCESS") && !report.contains("PID"))
  }

  @Test func `a wider terminal shows all columns of a narrower one`() {
    var titles: Set<String> = []
    for width in 20...250 {
      let line = TextTable(.sites, fitting: rows(sampleSnapshot.sites), width: width).header
      let shown = Set(
        line.rendered(usesColor: false).split(separator: "  ").map {
          String($0.drop { $0 == " " })
        })
      #expect(titles.isSubset(of: shown))
      titles = shown
    }
    #expect(titles.count == ColumnSet.sites.all.count)
  }

  @Test func `a value that needs more room gets it`() {
    var site = sampleSnapshot.sites[0]
    site.counters.allocatedBlocks = 123_456_789_012
    let row = TextTable(.sites(of: rows([site])), fitting: rows([site]), width: 80)
      .row(SiteRow(site))
      .rendered(usesColor: false)
    #expect(row.contains("123,456,789,012"))
  }

  @Test(arguments: [
    (0, ""), (1, "…"), (2, "a…"), (3, "a…h"), (6, "abc…gh"), (8, "abcdefgh"), (9, "abcdefgh"),
  ])
  func `a name is cut in its middle`(width: Int, text: String) {
    #expect("abcdefgh".cutInMiddle(to: width) == text)
  }

  @Test func `words are kept whole where they fit`() {
    #expect("one two three".wrapped(to: 7) == ["one two", "three"])
    #expect("abcdefghij x".wrapped(to: 5) == ["ab…ij", "x"])
    #expect("".wrapped(to: 5) == [])
  }

  private func rows(_ sites: [SiteSnapshot]) -> [SiteRow] {
    sites.map { SiteRow($0, processName: "server") }
  }
}
