import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// What `watch` concludes by looking at the heap itself.
  @Suite struct Suspects {
    /// Three sites of one size: nothing references the first one's blocks, a list holds the second's, a pool replaces the third's.
    @Test(arguments: [["--exact"], []])
    func `a leak, a registry and a pool of one size are told apart`(
      options: [String]
    ) async throws {
      let lost = try await lostSite(options)
      // One may be in a register or on the stack still.
      #expect((lost.inspectedBlocks ?? 0) - (lost.unreachableBlocks ?? 0) <= 2)
    }

    /// Its blocks are known from tracing only.
    @Test(arguments: ["libjemalloc.so.2", "libtcmalloc.so.4", "libmimalloc.so.2"])
    func `they are told apart in another allocator, too`(library: String) async throws {
      let lost = try await lostSite(
        ["--exact"], environment: ["LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/\(library)"])
      // Freed memory and the allocator's own may still name some hundred.
      #expect(10 * (lost.unreachableBlocks ?? 0) >= 7 * (lost.inspectedBlocks ?? 0))
    }

    /// Watches the program until the leak is found, and sees that the other two are what they are.
    private func lostSite(
      _ options: [String], environment: [String: String] = [:]
    ) async throws -> WatchReport.Site {
      let program = try RunningProgram(
        [try Workload.path("three_fates")], environment: environment)
      let watch = try HeaptapCommand.start(
        ["watch", "--pid", "\(program.pid)", "--json", "--interval", "1", "--duration", "90"]
          + options)
      try await watch.waitForOutput(within: 90) { $0.contains("\"unreachable\"") }
      try await Task.sleep(for: .seconds(1))
      watch.signal(SIGTERM)
      let result = try await watch.result(within: 30)
      #expect(result.end == .status(0), "\(result.errors)")
      let report = try #require(try WatchReport.decode(result.output).last)
      func site(_ function: String) throws -> WatchReport.Site {
        try #require(report.sites.first { $0.functions.first == function })
      }
      let lost = try site("forget")
      #expect(lost.verdict == "unreachable")
      #expect(report.sites.first?.id == lost.id, "it comes first")
      #expect(lost.unreachableBlocks ?? 0 > 1000)
      let held = try site("enlist")
      #expect(held.verdict == "growing")
      #expect(held.unreachableBlocks == 0)
      #expect(held.heldBy == "three_fates!registry")
      let replaced = try site("replace")
      #expect(replaced.verdict == "steady")
      #expect(replaced.unreachableBlocks ?? 0 <= 1)
      program.signal(0)
      return lost
    }

    @Test func `without inspection nothing is stopped and nothing said of the heap`() async throws {
      let program = try RunningProgram([try Workload.path("three_fates")])
      let result = try await HeaptapCommand.run(
        [
          "watch", "--pid", "\(program.pid)", "--exact", "--no-inspect", "--json", "--interval",
          "1", "--count", "14",
        ], within: 60)
      let report = try #require(try WatchReport.decode(result.output).last)
      #expect(report.sites.filter { $0.verdict == "growing" }.count == 2)
      #expect(report.sites.allSatisfy { $0.inspectedBlocks == nil })
    }
  }
}
