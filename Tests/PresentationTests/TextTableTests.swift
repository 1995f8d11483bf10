import AllocationModel
import Presentation
import Testing

@Suite struct TextTableTests {
  @Test func `columns are unique and all of them are ranked`() {
    let titles = Column.all.map(\.title)
    #expect(Set(titles).count == titles.count)
    #expect(Set(titles) == Set(Column.byImportance.map(\.title)))
    #expect(Column.all.allSatisfy { $0.title.count <= $0.width })
  }

  @Test func `the pid is shown only where there is more than one`() {
    let sites = sampleSnapshot.sites
    #expect(header(of: sites).contains("PID"))
    #expect(!header(of: Array(sites.prefix(2))).contains("PID"))
  }

  @Test func `a wider terminal shows all columns of a narrower one`() {
    var titles: Set<Substring> = []
    for width in 20...250 {
      let line = TextTable(fitting: sampleSnapshot.sites, width: width).header
      let shown = Set(line.rendered(usesColor: false).split(separator: "  "))
      #expect(titles.isSubset(of: shown))
      titles = shown
    }
    #expect(titles.count == Column.all.count)
  }

  @Test func `a value that needs more room gets it`() {
    var site = sampleSnapshot.sites[0]
    site.counters.allocatedBlocks = 123_456_789_012
    let row = TextTable(fitting: [site], width: 80).row(site).rendered(usesColor: false)
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

  private func header(of sites: [SiteSnapshot]) -> String {
    TextTable(fitting: sites, width: 300).header.rendered(usesColor: false)
  }
}
