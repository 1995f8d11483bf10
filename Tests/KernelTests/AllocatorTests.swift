import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// Every allocator: what programs count of their own calls is what heaptap counts.
  @Suite struct Allocators {
    static let preloaded = [
      "libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libmimalloc.so.2",
    ]

    @Test(arguments: preloaded)
    func `all forms of operator new and malloc from 8 threads, of a library that was preloaded`(
      library: String
    ) async throws {
      try await expectOwnCalls("operators", preload: library)
    }

    @Test(arguments: ["operators_jemalloc", "operators_tcmalloc"])
    func `the same of an allocator that was linked in`(workload: String) async throws {
      try await expectOwnCalls(workload)
    }

    @Test(arguments: ["operators", "operators_static"])
    func `the same of libc, whose malloc operator new calls`(workload: String) async throws {
      // glibc frees once more what a thread that ends had freed already and kept for itself.
      try await expectOwnCalls(workload, allowingUnknownFrees: true)
    }

    @Test(arguments: ["libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libtcmalloc.so.4"])
    func `bad_alloc that is caught stays caught, and what comes after counts`(library: String)
      async throws
    {
      let observed = try await expectOwnCalls("caught", ["handler"], preload: library)
      #expect(observed.truth["caught"] == 41)
      #expect(try observed.last().targets.first?.failedAllocations == 41)
    }

    @Test(arguments: ["caught", "caught_static", "caught_jemalloc", "caught_tcmalloc"])
    func `the same of libc and of allocators that were linked in`(workload: String) async throws {
      let observed = try await expectOwnCalls(workload, ["handler"])
      #expect(observed.truth["caught"] == 41)
    }

    @Test(arguments: preloaded.dropLast())
    func `new in a loop, one of two failing, has no effect on the next`(library: String)
      async throws
    {
      let observed = try await observe("bad_alloc", preload: library)
      #expect(observed.result.end == .status(0), "\(observed.result.errors)")
      #expect(observed.truth["caught"] == 20)
      let own = try observed.last().sites.filter { site in
        site.functions.contains("main") && !site.functions.contains { $0.contains("__cxa_") }
      }
      #expect(Figures(own) == Figures(truth: observed.truth))
      #expect(try observed.last().lost.byReason == [:])
    }

    @Test func `mallocx, rallocx, xallocx and sdallocx of jemalloc`() async throws {
      try await expectOwnCalls("jemalloc_api")
    }

    @Test func `functions of mimalloc, on heaps, aligned, in place and of strings`() async throws {
      let observed = try await expectOwnCalls("mimalloc_api")
      #expect(
        try observed.last().targets.first?.failedAllocations
          == observed.truth["failed_allocations"])
    }

    @Test func `an allocator under a prefix, beside libc's`() async throws {
      let observed = try await expectOwnCalls("prefixed")
      #expect(try observed.last().targets.first?.failedAllocations == 1)
    }

    @Test(arguments: ["musl_mix", "musl_mix_static", "musl_realloc_grow"])
    func `musl, as a library and linked in`(workload: String) async throws {
      try await expectOwnFigures(workload)
    }

    // MARK: What they share

    /// What is preloaded would be preloaded into heaptap, too, were it heaptap that starts the program.
    private func observe(
      _ workload: String, _ arguments: [String] = [], preload library: String? = nil
    ) async throws -> Observation {
      guard let library else {
        return try await HeaptapCommand.observe(workload, arguments, lingering: true)
      }
      let program = try RunningProgram(
        [try Workload.path(workload)] + arguments,
        environment: ["LD_PRELOAD": library, "WAIT_FOR_SIGUSR1": "1", "LINGER_MS": "300"])
      try await program.waitForOutput { $0.contains("waiting") }
      let watch = try HeaptapCommand.start([
        "watch", "--pid", "\(program.pid)", "--exact", "--json", "--interval", "0.2", "--top",
        "1000000",
      ])
      try await watch.waitForOutput { $0.contains("\n") }
      program.signal(SIGUSR1)
      let result = try await program.result()
      let reports = try WatchReport.decode(try await watch.result(within: 20).output)
      return Observation(result: result, reports: reports)
    }

    /// Calls from functions of the workload that are named `own_…`; exceptions are libstdc++'s calls.
    @discardableResult
    private func expectOwnCalls(
      _ workload: String, _ arguments: [String] = [], preload library: String? = nil,
      allowingUnknownFrees: Bool = false, at location: SourceLocation = #_sourceLocation
    ) async throws -> Observation {
      let observed = try await observe(workload, arguments, preload: library)
      #expect(
        observed.result.end == .status(0), "\(observed.result.errors)", sourceLocation: location)
      let last = try observed.last()
      let own = last.sites.filter { site in
        site.functions.contains { $0.contains("own_") }
          && !site.functions.contains { $0.contains("__cxa_") }
      }
      #expect(Figures(own) == Figures(truth: observed.truth), sourceLocation: location)
      #expect(last.lost.byReason == [:], sourceLocation: location)
      if !allowingUnknownFrees {
        #expect(last.targets.first?.unknownFrees == 0, sourceLocation: location)
      }
      return observed
    }
  }
}
