import AllocationModel
import Presentation
import TestSupport
import Testing

@Suite struct TypeTextTests {
  private static func row(
    _ name: String, _ kind: BlockType.Kind, _ blocks: UInt64, _ bytes: UInt64
  ) -> TypeCensus.Row {
    TypeCensus.Row(
      type: BlockType(name: name, kind: kind),
      total: HeapLeaks.Total(blocks: blocks, bytes: bytes))
  }

  private static let census = TypeCensus(
    pid: 7,
    rows: [
      row("ns::Node<int>", .cplusplus, 1000, 24_000), row("string", .string, 3, 100_000),
      row("Planted.Box<Swift.Int>", .swift, 200, 8000), row("40 bytes", .size, 12_345, 493_800),
    ])

  @Test func `types are a table with the most bytes first`() {
    Golden("types.txt").expect(TypeText.render(Self.census, limit: 3))
  }

  @Test func `what has grown since a former run comes first`() {
    let former = TypeCensus(
      pid: 7,
      rows: [
        Self.row("ns::Node<int>", .cplusplus, 900, 21_600), Self.row("string", .string, 3, 100_000),
        Self.row("40 bytes", .size, 12_345, 493_800), Self.row("ns::Gone", .cplusplus, 5, 200),
      ])
    Golden("types-growth.txt").expect(
      TypeText.render(Self.census.compared(with: former), limit: 10))
  }
}
