import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// `leaks --trace`: what is lost of what was allocated meanwhile has its stack.
  @Suite struct TracedLeaks {
    private struct Leaks: Decodable {
      struct Frame: Decodable { var function: String? }
      struct Tree: Decodable {
        var blocks: UInt64, site: String?, stack: [Frame], requested_bytes: UInt64?
      }
      struct Suppressed: Decodable { var pattern: String, blocks: UInt64 }
      var trees: [Tree]
      var suppressed: [Suppressed]
    }

    @Test func `blocks from while it was watched have stacks, and those from before none`()
      async throws
    {
      let server = try RunningProgram([try Workload.path("server")])
      try await Task.sleep(for: .milliseconds(500))
      let result = try await HeaptapCommand.run([
        "leaks", "--pid", "\(server.pid)", "--trace", "1", "--json", "--fail-on-leak",
      ])
      #expect(result.end == .status(1), "\(result.errors)")
      let leaks = try JSONDecoder().decode(Leaks.self, from: Data(result.output.utf8))
      let (traced, before) = (
        leaks.trees.filter { $0.site != nil }, leaks.trees.filter { $0.site == nil }
      )
      #expect(before.count > 100 && traced.count > 100)
      #expect(traced.allSatisfy { $0.stack.first?.function == "leak" && $0.requested_bytes == 128 })
      #expect(before.allSatisfy { $0.stack.isEmpty && $0.requested_bytes == nil })
      #expect(Set(traced.map(\.site)).count == 1)
      // It keeps one a millisecond at most.
      #expect(traced.count < 1500)
      server.signal(SIGTERM)
      #expect(try await server.result(within: 10).end == .status(0), "it goes on")
    }

    @Test func `groups by stack name the function, and say which blocks were there before`()
      async throws
    {
      let server = try RunningProgram([try Workload.path("server")])
      try await Task.sleep(for: .milliseconds(300))
      let result = try await HeaptapCommand.run([
        "leaks", "--pid", "\(server.pid)", "--trace", "0.5", "--by", "stack",
      ])
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(result.output.contains("\n    leak  "), "\(result.output)")
      #expect(result.output.contains("\n    allocated before heaptap watched\n"))
    }

    @Test func `what is suppressed is no failure`() async throws {
      let files = try ScratchDirectory()
      try Data("leak:handle_a\n".utf8).write(to: URL(filePath: files.path("known")))
      let program = try RunningProgram([try Workload.path("server")])
      let result = try await HeaptapCommand.run([
        "leaks", "--pid", "\(program.pid)", "--trace", "1", "--json", "--suppressions",
        files.path("known"),
      ])
      #expect(result.end == .status(0), "\(result.errors)")
      let leaks = try JSONDecoder().decode(Leaks.self, from: Data(result.output.utf8))
      #expect(leaks.suppressed.map(\.pattern) == ["handle_a"])
      #expect(leaks.suppressed.first?.blocks ?? 0 > 100)
      #expect(leaks.trees.allSatisfy { $0.site == nil }, "those from before have no stack to match")
    }

    /// A list that grows at its head: what holds it is newer than all that was seen before the stop.
    @Test func `of another allocator what was seen is sorted, too`() async throws {
      let program = try RunningProgram(
        [try Workload.path("three_fates")],
        environment: ["LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"])
      try await Task.sleep(for: .milliseconds(300))
      let result = try await HeaptapCommand.run([
        "leaks", "--pid", "\(program.pid)", "--trace", "3", "--json",
      ])
      #expect(result.end == .status(0), "\(result.errors)")
      struct Kinds: Decodable {
        struct Total: Decodable { var blocks: Int }
        var definitely: Total, possibly: Total, reachable: Total
      }
      let kinds = try JSONDecoder().decode(Kinds.self, from: Data(result.output.utf8))
      let leaks = try JSONDecoder().decode(Leaks.self, from: Data(result.output.utf8))
      #expect(kinds.definitely.blocks > 500)
      #expect(kinds.reachable.blocks > 500)
      #expect(10 * kinds.possibly.blocks < kinds.definitely.blocks)
      #expect(leaks.trees.allSatisfy { $0.stack.first?.function == "forget" })
    }

    @Test func `by stack without a trace is a usage error`() async throws {
      let result = try await HeaptapCommand.run(["leaks", "--pid", "1", "--by", "stack"])
      #expect(result.end == .status(2))
      #expect(result.errors.contains("--by stack needs --trace"))
    }

    @Test func `a process that ends meanwhile is gone`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let leaks = try HeaptapCommand.start(["leaks", "--pid", "\(server.pid)", "--trace", "60"])
      while !leaks.errors.contains("watching process") {
        try await Task.sleep(for: .milliseconds(20))
      }
      server.signal(SIGTERM)
      let result = try await leaks.result(within: 30)
      #expect(result.end == .status(4))
      #expect(result.errors.contains("it ended while its allocations were watched"))
    }
  }
}
