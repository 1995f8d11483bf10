import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// What observation within a budget costs a program, by its own account (`Workloads/bench/progress.h`).
  @Suite struct Budgeting {
    /// One line of a program that says how it gets on.
    private struct Progress {
      /// Share of its CPU time, 0 … 1.
      var lost: Double

      init?(_ line: Substring) {
        let words = line.split(separator: " ")
        guard words.count == 5, let lost = Double(words[2]) else { return nil }
        self.lost = lost
      }
    }

    private func progress(_ program: borrowing RunningProgram) -> [Progress] {
      program.output.split(separator: "\n").compactMap { Progress($0) }
    }

    @Test func `25 million allocations a second keep 98 percent of their time`() async throws {
      let program = try RunningProgram([try Workload.path("bench/churn")])
      try await program.waitForOutput(within: 60) { $0.contains("churn ") }
      let before = progress(program).count
      let result = try await HeaptapCommand.run(
        [
          "watch", "--pid", "\(program.pid)", "--budget", "2%", "--json", "--interval", "1",
          "--duration", "15",
        ], within: 60)
      let lines = progress(program).dropFirst(before + 1)
      #expect(result.end == .status(0), "\(result.errors)")
      let last = try #require(try WatchReport.decode(result.output).last)
      let target = try #require(last.targets.first)
      #expect(target.mode == "windows")
      let windows = try #require(target.windows)
      #expect(windows.count >= 5)
      #expect(windows.budget == 0.02)
      // Counting every call costs 98 %; few windows on a busy machine differ much.
      try #require(lines.count >= 3)
      let lost = lines.reduce(0) { $0 + $1.lost } / Double(lines.count)
      #expect(lost > 0, "nothing was observed")
      #expect(lost < 0.04)
      #expect(!last.sites.isEmpty)
    }
  }
}
