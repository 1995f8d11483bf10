import AllocationModel
import Exporters
import Testing

@Suite struct JSONLeaksExporterTests {
  @Test func `totals and trees are plain bytes`() {
    var leaks = HeapLeaks(pid: 7)
    leaks.definitely = HeapLeaks.Total(blocks: 1, bytes: 24)
    leaks.indirectly = HeapLeaks.Total(blocks: 2, bytes: 48)
    leaks.trees = [
      HeapLeaks.Tree(
        kind: "ROOT CYCLE", address: 0x10, total: HeapLeaks.Total(blocks: 3, bytes: 72),
        headByteCount: 24)
    ]
    #expect(
      JSONLeaksExporter.line(leaks)
        == #"{"schema":"heaptap.leaks/1","pid":7,"definitely":{"blocks":1,"bytes":24},"#
        + #""indirectly":{"blocks":2,"bytes":48},"possibly":{"blocks":0,"bytes":0},"#
        + #""reachable":{"blocks":0,"bytes":0},"trees":[{"kind":"ROOT CYCLE","blocks":3,"#
        + #""bytes":72,"address":"0x10","type":null,"head_bytes":24,"site":null,"stack":[]}]}"#
        + "\n")
  }

  @Test func `trees that were written can be read to be compared with`() throws {
    var leaks = HeapLeaks(pid: 7)
    leaks.trees = (1...3).map {
      HeapLeaks.Tree(
        kind: "ROOT LEAK", address: 0x100 * $0, total: HeapLeaks.Total(blocks: $0, bytes: 24 * $0))
    }
    let read = try #require(
      JSONLeaksExporter.leaks(parsing: Array(JSONLeaksExporter.line(leaks).utf8)))
    #expect(read.trees == leaks.trees)
    leaks.trees.append(
      HeapLeaks.Tree(kind: "ROOT LEAK", address: 0x900, total: HeapLeaks.Total()))
    #expect(leaks.trees(since: read).map(\.address) == [0x900])
    for text in ["", "{}", #"{"schema":"heaptap.types/1","pid":1,"trees":[]}"#] {
      #expect(JSONLeaksExporter.leaks(parsing: Array(text.utf8)) == nil)
    }
  }
}
