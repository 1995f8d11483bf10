import Inspection
import Processes
import TestSupport
import Testing

/// A program that writes down its own blocks, against the walk.
@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct PlantedBlockTests {
  @Test(arguments: [
    ["0", "30000", "1"], ["1", "30000", "2"], ["4", "20000", "3"], ["20", "4000", "4"],
  ])
  func `every live block is found, and nothing else`(arguments: [String]) async throws {
    let program = try await Program.start(
      "planted_blocks", arguments[0], arguments[1], arguments[2])
    let walk = try Self.walk(program.pid)
    let truth = Set(
      program.output.split(separator: "\n").dropLast().map { line in
        line.split(separator: " ").compactMap { UInt64($0) }
      })
    let found = walk.blocks.map { [$0.address, $0.byteCount] }
    #expect(truth.count > 500)
    #expect(truth.subtracting(found) == [], "missed")
    #expect(Set(found).subtracting(truth) == [], "extra")
    #expect(found.count == Set(found).count)
    #expect(walk.checks.filter { !$0.isOK }.isEmpty)
    #expect(walk.damage.isEmpty)
  }

  @Test func `memory that is not free or live is headers and the allocator's own`() async throws {
    let program = try await Program.start("planted_blocks", "0", "20000", "5")
    let walk = try Self.walk(program.pid)
    let inArena = walk.blocks.filter { $0.arena == 0 }.reduce(0) { $0 + $1.byteCount + 8 }
    let free = walk.freeChunks.filter { $0.arena == 0 }.reduce(0) { $0 + $1.byteCount }
    // What is left is the cache of the only thread.
    #expect(walk.arenas[0].systemByteCount - inArena - free < 1024)
  }

  private static func walk(_ pid: Int32) throws -> HeapWalk {
    let copier = try ImageCopier(pid: pid, maximumPause: .seconds(60))
    return try copier.copy().walkHeap()
  }
}
