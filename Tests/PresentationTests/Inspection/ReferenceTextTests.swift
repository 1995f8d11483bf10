import AllocationModel
import Presentation
import TestSupport
import Testing

@Suite struct ReferenceTextTests {
  private static let thread = RootReference.Thread(tid: 12, name: "worker")

  private static func hop(
    _ number: UInt64, _ type: String? = nil, entry: UInt64 = 0, field: UInt64? = nil
  ) -> ReferencePath.Hop {
    ReferencePath.Hop(
      address: 0x5555_0000 + 0x50 * number, byteCount: 72, type: type, entry: entry, field: field)
  }

  @Test func `what holds a block is its chains from their roots`() {
    let references = BlockReferences(
      pid: 7, address: 0x5555_0060, block: Self.hop(1, "Node"),
      paths: [
        ReferencePath(
          root: RootReference(
            kind: .global, owner: "app!cache", offset: 16),
          hops: [Self.hop(0, "Table", field: 24), Self.hop(1, "Node", entry: 16)]),
        ReferencePath(
          root: RootReference(kind: .stack, owner: "sp", offset: 72, thread: Self.thread),
          hops: (2...40).map { Self.hop($0, field: 8) } + [Self.hop(1, "Node")]),
        ReferencePath(
          root: RootReference(kind: .register, owner: "rbx", offset: nil, thread: Self.thread),
          hops: [Self.hop(1, "Node", entry: 8)]),
        ReferencePath(
          root: RootReference(
            kind: .tls, owner: "pthread key 3", offset: 0,
            thread: RootReference.Thread(tid: 13, name: nil)), hops: [Self.hop(1, "Node")]),
        ReferencePath(
          root: RootReference(kind: .mapping, owner: "[anon 0x7f00]", offset: 128),
          hops: [Self.hop(1, "Node")]),
      ], retainedByteCount: 1440)
    Golden("block-references.txt").expect(ReferenceText.render(references))
  }

  @Test func `a block that nothing holds is said to be one`() {
    let references = BlockReferences(
      pid: 7, address: 0x5555_0000, block: Self.hop(0), paths: [], retainedByteCount: 0)
    #expect(
      ReferenceText.render(references) == """
        block 0x55550000  72 B
        no root that counts reaches it

        """)
  }

  @Test func `what holds a type is told by root, with one chain of each`() {
    let share = TypeReferences.Share(
      path: ReferencePath(
        root: RootReference(kind: .global, owner: "app!cache", offset: 0),
        hops: [Self.hop(0, "Table", field: 24), Self.hop(1, "Node")]),
      total: HeapLeaks.Total(blocks: 12_000, bytes: 864_000))
    Golden("type-references.txt").expect(
      ReferenceText.render(
        TypeReferences(
          pid: 7, type: "Node", total: HeapLeaks.Total(blocks: 12_001, bytes: 864_072),
          unreached: HeapLeaks.Total(blocks: 1, bytes: 72), retainedByteCount: 1_000_000,
          shares: [share])))
  }

  @Test func `who holds most is a table with the largest blocks below each holder`() {
    let block = HeapHolders.Holder(
      block: Self.hop(0, "Table"), retained: HeapLeaks.Total(blocks: 12_001, bytes: 864_072))
    Golden("holders.txt").expect(
      ReferenceText.render(
        HeapHolders(
          pid: 7, total: HeapLeaks.Total(blocks: 20_000, bytes: 2_000_000),
          holders: [
            HeapHolders.Holder(
              root: RootReference(kind: .global, owner: "app!cache", offset: 0),
              retained: HeapLeaks.Total(blocks: 12_010, bytes: 900_000), largest: [block]),
            HeapHolders.Holder(
              block: Self.hop(9), retained: HeapLeaks.Total(blocks: 1, bytes: 72)),
          ])))
  }
}
