import AllocationModel
import Exporters
import TestSupport
import Testing

@Suite struct JSONReferencesExporterTests {
  private static let table = ReferencePath.Hop(
    address: 0x5555_0000, byteCount: 72, type: "Table", entry: 8, field: 24)
  private static let node = ReferencePath.Hop(address: 0x5555_0050, byteCount: 72)
  private static let path = ReferencePath(
    root: RootReference(
      kind: .stack, owner: "sp", offset: 72,
      thread: RootReference.Thread(tid: 12, name: "worker")), hops: [table, node])

  @Test func `what holds a block is one object`() {
    Golden("block-references.json").expect(
      JSONReferencesExporter.line(
        BlockReferences(
          pid: 7, address: 0x5555_0060, block: Self.node, paths: [Self.path],
          retainedByteCount: 144)))
  }

  @Test func `what holds a type is one object with the blocks of each root`() {
    Golden("type-references.json").expect(
      JSONReferencesExporter.line(
        TypeReferences(
          pid: 7, type: "ns::Node<int>", total: HeapLeaks.Total(blocks: 3, bytes: 216),
          unreached: HeapLeaks.Total(blocks: 1, bytes: 72), retainedByteCount: 288,
          shares: [
            TypeReferences.Share(path: Self.path, total: HeapLeaks.Total(blocks: 2, bytes: 144))
          ])))
  }

  @Test func `who holds most is a list of roots and blocks`() {
    let block = HeapHolders.Holder(
      block: Self.table, retained: HeapLeaks.Total(blocks: 2, bytes: 144))
    Golden("holders.json").expect(
      JSONReferencesExporter.line(
        HeapHolders(
          pid: 7, total: HeapLeaks.Total(blocks: 4, bytes: 288),
          holders: [
            HeapHolders.Holder(
              root: RootReference(kind: .global, owner: "app!cache", offset: 0),
              retained: HeapLeaks.Total(blocks: 3, bytes: 216), largest: [block]), block,
          ])))
  }
}
