import TestSupport
import Testing

extension KernelTests {
  /// One workload per rule of counting: heaptap's figures are the program's own, to the byte.
  @Suite struct Counting {
    @Test func `what is never freed is live`() async throws { try await expectOwnFigures("leak") }

    @Test func `malloc, calloc, realloc and free in any order`() async throws {
      try await expectOwnFigures("mix")
    }

    @Test func `a realloc in place and one that moves count alike`() async throws {
      try await expectOwnFigures("realloc_grow")
    }

    @Test func `realloc to no bytes frees, realloc of NULL allocates`() async throws {
      try await expectOwnFigures("realloc_zero")
    }

    @Test func `a realloc that fails leaves its block live`() async throws {
      try await expectOwnFigures("realloc_fails")
    }

    @Test func `reallocarray counts once, and not when the product overflows`() async throws {
      try await expectOwnFigures("reallocarray")
    }

    @Test func `calloc whose product overflows allocates nothing`() async throws {
      try await expectOwnFigures("calloc_overflow")
    }

    @Test func `aligned allocations count the bytes asked for, once`() async throws {
      try await expectOwnFigures("aligned")
    }

    @Test func `free of NULL is nothing`() async throws { try await expectOwnFigures("free_null") }

    @Test func `malloc of no bytes is a block`() async throws {
      try await expectOwnFigures("malloc_zero")
    }

    @Test func `an allocation that fails is counted as failed only`() async throws {
      try await expectOwnFigures("malloc_fails")
    }

    @Test func `a block with a mapping of its own is a block and no mapping`() async throws {
      try await expectOwnFigures("large_blocks")
      let last = try await HeaptapCommand.observe("large_blocks").last()
      #expect(Figures(last.mappings).allocatedBlocks == 0)
    }

    @Test func `a handler on an alternate stack allocates`() async throws {
      try await expectOwnFigures("alternate_stack")
    }

    @Test func `posix_memalign reads its result back, and nothing from a call that failed`()
      async throws
    {
      let observed = try await HeaptapCommand.observe("posix_memalign")
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      #expect(last.targets.first?.figures == Figures(truth: observed.truth))
      #expect(last.lost.total == 0)
    }

    @Test func `a site names the function of the caller`() async throws {
      let last = try await HeaptapCommand.observe("leak").last()
      let leaks = last.sites.filter { $0.liveBlocks > 0 }
      #expect(leaks.map(\.liveBlocks) == [100])
      let caller = try #require(leaks.first?.stack.first)
      #expect(caller.function == "leaky")
      #expect(caller.module == "leak")
      #expect(leaks.first?.functions.prefix(2) == ["leaky", "main"])
    }

    @Test func `a stack of 200 frames is walked to its end`() async throws {
      let last = try await HeaptapCommand.observe("recursion").last()
      let blocksByDepth = Dictionary(
        last.sites.map { site in
          (site.functions.count { $0 == "descend" }, site.allocatedBlocks)
        },
        uniquingKeysWith: +
      )
      #expect(blocksByDepth == [200: 11, 1: 13])
      #expect(last.sites.allSatisfy { $0.functions.contains("main") })
    }
  }
}
