import TestSupport
import Testing

extension KernelTests {
  /// The figures don't depend on the kind of probe the kernel offers.
  @Suite struct Fallbacks {
    static let workloads = [
      "leak", "mix", "realloc_grow", "realloc_zero", "realloc_fails", "reallocarray",
      "calloc_overflow", "aligned", "malloc_fails", "large_blocks",
    ]

    @Test(arguments: ["session", "session,multi"], workloads)
    func `older kinds of probes count alike`(forbidden: String, workload: String) async throws {
      try await expectOwnFigures(workload, options: ["--forbid", forbidden])
    }

    @Test(arguments: ["session", "session,multi"], ["realloc_race", "many_threads"])
    func `older kinds of probes follow threads`(forbidden: String, workload: String) async throws {
      try await expectOwnSites(workload, options: ["--forbid", forbidden])
    }

    @Test(arguments: ["session", "session,multi"])
    func `older kinds of probes let exceptions pass`(forbidden: String) async throws {
      let observed = try await HeaptapCommand.observe(
        "bad_alloc",
        options: ["--forbid", forbidden]
      )
      #expect(observed.result.end == .status(0))
      #expect(observed.truth["caught"] == 20)
    }
  }
}
