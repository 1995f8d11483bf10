import AllocationModel
import Exporters
import TestSupport
import Testing

@Suite struct JSONLeaksExporterTests {
  @Test func `totals and trees are plain bytes`() {
    var leaks = HeapLeaks(pid: 7)
    leaks.definitely = HeapLeaks.Total(blocks: 1, bytes: 24)
    leaks.indirectly = HeapLeaks.Total(blocks: 2, bytes: 48)
    leaks.trees = [
      HeapLeaks.Tree(
        kind: "ROOT CYCLE", address: 0x10, head: HeapLeaks.Total(blocks: 1, bytes: 24),
        rest: HeapLeaks.Total(blocks: 2, bytes: 48))
    ]
    #expect(
      JSONLeaksExporter.line(leaks)
        == #"{"schema":"heaptap.leaks/1","pid":7,"#
        + #""definitely":{"blocks":1,"bytes":24,"requested_bytes":null},"#
        + #""indirectly":{"blocks":2,"bytes":48,"requested_bytes":null},"#
        + #""possibly":{"blocks":0,"bytes":0,"requested_bytes":null},"#
        + #""reachable":{"blocks":0,"bytes":0,"requested_bytes":null},"#
        + #""trees":[{"kind":"ROOT CYCLE","blocks":3,"bytes":72,"requested_bytes":null,"#
        + #""address":"0x10","type":null,"head_bytes":24,"site":null,"stack":[],"#
        + #""truncated_by":null}],"remainders":[],"suppressed":[]}"#
        + "\n")
  }

  @Test func `stacks, requested bytes and what is suppressed are there where they are known`() {
    var leaks = HeapLeaks(pid: 7)
    let origin = LeakOrigin(
      site: SiteID(rawValue: 0xab), stack: [Frame(function: "f", module: "app", offset: 1)],
      ending: .tooDeep)
    leaks.trees = [
      HeapLeaks.Tree(
        kind: "ROOT LEAK", address: 0x20,
        head: HeapLeaks.Total(blocks: 1, bytes: 24, requestedBytes: 20), type: "T", origin: origin)
    ]
    leaks.remainders = [
      HeapLeaks.Remainder(
        kind: .possible, total: HeapLeaks.Total(blocks: 2, bytes: 48, requestedBytes: 40))
    ]
    leaks.suppressed = [SuppressedLeaks(pattern: "g", siteCount: 1, blocks: 3, bytes: 60)]
    Golden("leaks.json").expect(JSONLeaksExporter.line(leaks))
  }

  @Test func `trees that were written can be read to be compared with`() throws {
    var leaks = HeapLeaks(pid: 7)
    leaks.trees = (1...3).map {
      HeapLeaks.Tree(
        kind: "ROOT LEAK", address: 0x100 * $0, head: HeapLeaks.Total(blocks: $0, bytes: 24 * $0))
    }
    let read = try #require(
      JSONLeaksExporter.leaks(parsing: Array(JSONLeaksExporter.line(leaks).utf8)))
    #expect(read.trees == leaks.trees)
    leaks.trees.append(
      HeapLeaks.Tree(kind: "ROOT LEAK", address: 0x900, head: HeapLeaks.Total()))
    #expect(leaks.trees(since: read).map(\.address) == [0x900])
    for text in ["", "{}", #"{"schema":"heaptap.types/1","pid":1,"trees":[]}"#] {
      #expect(JSONLeaksExporter.leaks(parsing: Array(text.utf8)) == nil)
    }
  }
}
