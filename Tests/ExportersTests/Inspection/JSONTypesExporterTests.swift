import AllocationModel
import Exporters
import TestSupport
import Testing

@Suite struct JSONTypesExporterTests {
  private static let census = TypeCensus(
    pid: 7,
    rows: [
      TypeCensus.Row(
        type: BlockType(name: "ns::Node<int>", kind: .cplusplus),
        total: HeapLeaks.Total(blocks: 1000, bytes: 24_500)),
      TypeCensus.Row(
        type: BlockType(name: "40 bytes", kind: .size),
        total: HeapLeaks.Total(blocks: 2, bytes: 80)),
    ])

  @Test func `types are one object`() {
    Golden("types.json").expect(JSONTypesExporter.line(Self.census))
  }

  @Test func `what was written can be read and compared with`() throws {
    let former = try #require(
      JSONTypesExporter.census(parsing: Array(JSONTypesExporter.line(Self.census).utf8)))
    #expect(former == Self.census)
    var now = Self.census
    now.rows[0].total = HeapLeaks.Total(blocks: 990, bytes: 24_255)
    Golden("types-growth.json").expect(JSONTypesExporter.line(now.compared(with: former)))
  }

  @Test(arguments: [
    "", "{}", "[]", #"{"schema":"heaptap.refs/1","pid":7,"types":[]}"#,
    #"{"schema":"heaptap.types/1","pid":7,"types":[{"name":"a","kind":"c++","blocks":-1,"bytes":0}]}"#,
  ])
  func `anything else is not taken for it`(text: String) {
    #expect(JSONTypesExporter.census(parsing: Array(text.utf8)) == nil)
  }
}
