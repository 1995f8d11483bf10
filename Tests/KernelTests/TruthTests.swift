import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// The scripts of `Tests/Truth`, which print every figure they compare.
  @Suite struct Truth {
    @Test func `real programs: the figures are valgrind's`() async throws {
      try await expectSuccess("compare.py", [])
    }

    @Test func `eight threads for ten seconds, three times: nothing is missing`() async throws {
      try await expectSuccess("threads.sh", ["10", "3"])
    }

    @Test func `real programs: the stacks are gdb's`() async throws {
      try await expectSuccess("stacks.py", ["--calls", "5"])
    }

    @Test func `busy programs: the stacks reach the first frame`() async throws {
      try await expectSuccess("reach.py", ["--seconds", "8"])
    }

    @Test func `random changes of mappings: the bytes are the kernel's`() async throws {
      try await expectSuccess("mappings.py", ["--scope", "pid"])
    }

    private func expectSuccess(_ script: String, _ arguments: [String]) async throws {
      let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Truth").path()
      let workloads = URL(filePath: try Workload.path("mix")).deletingLastPathComponent().path()
      let result = try await RunningProgram(
        ["\(folder)/\(script)"] + arguments,
        environment: ["HEAPTAP_BINARY": HeaptapCommand.path, "HEAPTAP_WORKLOADS": workloads]
      ).result(within: 280)
      print(result.output)
      #expect(result.end == .status(0), "\(result.errors)")
    }
  }
}
