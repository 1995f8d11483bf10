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
        kind: "ROOT CYCLE", address: 0x10, total: HeapLeaks.Total(blocks: 3, bytes: 72))
    ]
    #expect(
      JSONLeaksExporter.line(leaks)
        == #"{"schema":"heaptap.leaks/1","pid":7,"definitely":{"blocks":1,"bytes":24},"#
        + #""indirectly":{"blocks":2,"bytes":48},"possibly":{"blocks":0,"bytes":0},"#
        + #""reachable":{"blocks":0,"bytes":0},"trees":[{"kind":"ROOT CYCLE","blocks":3,"#
        + #""bytes":72,"address":"0x10","type":null,"site":null,"stack":[]}]}"# + "\n")
  }
}
