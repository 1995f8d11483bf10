import TestSupport
import Testing

extension KernelTests {
  /// Calls that are left without returning, and exceptions thrown through observed code.
  @Suite struct Unwinding {
    @Test func `a malloc left by siglongjmp is no block`() async throws {
      let observed = try await HeaptapCommand.observe("longjmp_malloc")
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      #expect(last.targets.first?.figures == Figures(truth: observed.truth))
      #expect(observed.truth["skipped_returns"] == 50)
      try expectOnlySkippedReturns(last, atMost: 50)
    }

    /// The block left the table when realloc began; a return that never comes can't put it back in
    /// time, so a difference is allowed as far as it is counted.
    @Test func `a realloc left by siglongjmp is right or counted as lost`() async throws {
      let observed = try await HeaptapCommand.observe("longjmp_realloc")
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      let live = try #require(last.targets.first?.liveBlocks)
      let truth = try #require(observed.truth["live_blocks"])
      #expect(observed.truth["skipped_returns"] == 20)
      let difference = live > truth ? live - truth : truth - live
      #expect(difference <= last.lost.byReason["skipped_return", default: 0])
      try expectOnlySkippedReturns(last, atMost: 20)
    }

    @Test func `calls below a malloc that was left are counted or lost`() async throws {
      let observed = try await HeaptapCommand.observe("longjmp_deep")
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      let counted = try #require(last.targets.first?.allocatedBlocks)
      let truth = try #require(observed.truth["allocated_blocks"])
      #expect(counted == truth)
    }

    private func expectOnlySkippedReturns(_ report: WatchReport, atMost limit: UInt64) throws {
      let skipped = report.lost.byReason["skipped_return", default: 0]
      #expect((1...limit).contains(skipped))
      #expect(report.lost.total == skipped)
    }

    @Test(arguments: ["bad_alloc", "exceptions"])
    func `exceptions pass, and operator new counts once`(workload: String) async throws {
      let observed = try await HeaptapCommand.observe(workload, lingering: true)
      #expect(observed.result.end == .status(0))
      #expect(observed.truth["caught"] == (workload == "bad_alloc" ? 20 : 100))
      let last = try observed.last()
      let own = last.sites.filter { $0.stack.first?.isOperatorNew == true }
      #expect(Figures(own) == Figures(truth: observed.truth))
      #expect(last.lost.byReason == [:])
    }

    @Test(arguments: ["bad_alloc", "exceptions"])
    func `the runtime's own blocks are counted too`(workload: String) async throws {
      let files = try ScratchDirectory()
      let counted = try RunningProgram(
        [try Workload.path(workload)],
        environment: [
          "LD_PRELOAD": try Workload.path("count_calls.so"), "COUNT_FILE": files.path("count"),
        ]
      )
      _ = try await counted.result()
      let counts = files.text("count").split(whereSeparator: \.isWhitespace).map { UInt64($0) }
      let target = try #require(
        try await HeaptapCommand.observe(workload).last().targets.first
      )
      #expect(counts == [target.allocatedBlocks, target.freedBlocks, target.allocatedBytes])
    }
  }
}

extension WatchReport.Frame {
  fileprivate var isOperatorNew: Bool {
    function?.hasPrefix("_Zn") == true || function?.hasPrefix("operator new") == true
  }
}
