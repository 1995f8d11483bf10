import TestSupport
import Testing

extension KernelTests {
  /// Several threads in the allocator at once.
  @Suite struct Threads {
    @Test func `eight threads on one arena`() async throws {
      try await expectOwnSites("thread_reallocs", ["1"])
    }

    @Test func `an address that realloc gave up goes to another thread at once`() async throws {
      try await expectOwnSites("realloc_race")
    }

    @Test func `an address freed here is allocated there within nanoseconds`() async throws {
      try await expectOwnSites("address_reuse")
    }

    @Test func `a thousand threads come and go`() async throws {
      try await expectOwnSites("many_threads")
    }

    @Test func `a process ended by another thread keeps its status`() async throws {
      let observed = try await HeaptapCommand.observe("exit_from_thread")
      #expect(observed.result.end == .status(7))
      let target = try #require(try observed.last().targets.first)
      #expect(target.allocatedBlocks > 0)
      #expect(target.liveBlocks <= 3)  // one of the loop, one pair of its thread
      #expect(target.exited)
    }
  }
}
