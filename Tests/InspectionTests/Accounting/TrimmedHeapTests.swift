import AllocationModel
import Glibc
import Inspection
import Processes
import TestSupport
import Testing

/// Programs that ask malloc for its own figures, and then to give back what it can.
@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct TrimmedHeapTests {
  @Test(arguments: ["alternating", "tail", "arenas", "top", "fast", "nothing"])
  func `figures are malloc's, and the forecast is what malloc_trim returns`(shape: String)
    async throws
  {
    let program = try await Program.start("trimmed_heap", shape)
    let account = try Self.account(of: program.pid)
    let residence = account.residence
    program.signal(SIGUSR1)
    let truth = Workload.truth(in: try await program.result(within: 60).output)
    #expect(residence[.trimmable] == truth["returned"])
    if truth["arena"] != nil {
      #expect(account.arenas.reduce(0) { $0 + $1.systemBytes } == truth["arena"])
      let free = account.free
      #expect(free.fast + free.binned + free.top == truth["free"])
      #expect(free.fast == truth["fast"])
      #expect(account.arenas.first?.free.top == truth["top"])
      #expect(account.mapped.blocks == truth["mapped_blocks"])
    }
    #expect(residence.residue == 0)
    #expect(account.checks.filter { !$0.isOK }.isEmpty)
  }

  private static func account(of pid: Int32) throws -> HeapAccount {
    let copier = try ImageCopier(pid: pid, maximumPause: .seconds(60))
    let image = try copier.copy(countingResidence: true)
    return try image.walkHeap().account(in: image)
  }
}
