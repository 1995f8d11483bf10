import Inspection
import Processes
import TestSupport
import Testing

/// A program that loses blocks on purpose and says how, against what the inspection finds.
@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct LostBlockTests {
  private typealias Total = (blocks: Int, bytes: UInt64)

  @Test func `every block is of the kind that the program made it`() async throws {
    let program = try await Program.start("lost_blocks")
    let truth = Dictionary(
      uniqueKeysWithValues: program.output.split(separator: "\n").dropLast().map { line in
        let words = line.split(separator: " ")
        return (String(words[0]), (blocks: Int(words[1]) ?? 0, bytes: UInt64(words[2]) ?? 0))
      })
    let image = try ImageCopier(pid: program.pid, maximumPause: .seconds(60)).copy()
    let walk = try image.walkHeap()
    let references = HeapReferences(of: image, walk)
    let kinds = references.leakKinds
    func total(_ kind: LeakKind) -> Total {
      let blocks = zip(walk.blocks, kinds.kinds).filter { $0.1 == kind }.map(\.0)
      return (blocks.count, blocks.reduce(0) { $0 + $1.byteCount })
    }
    for (kind, name) in [
      (LeakKind.definitely, "definitely"), (.indirectly, "indirectly"), (.reachable, "reachable"),
    ] {
      #expect(total(kind).blocks == truth[name]?.blocks, "\(name)")
      #expect(total(kind).bytes == truth[name]?.bytes, "\(name)")
    }
    // The other thread's vector of thread-local storage is known to glibc by an address within it; memcheck, too, calls
    // it possibly lost.
    let possibly = try #require(truth["possibly"])
    #expect(total(.possibly).blocks == possibly.blocks + 1)

    let trees = LeakTree.trees(
      graph: references.graph, kinds: kinds, byteCounts: walk.blocks.map(\.byteCount))
    #expect(trees.map(\.blockCount) == [20, 9, 5, 1, 1])
    #expect(trees.filter { $0.kind == .cycle }.map(\.blockCount) == [5, 1])
  }
}
