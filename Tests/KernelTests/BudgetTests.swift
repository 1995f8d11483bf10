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

    /// Files are found in one process and are attached to for all that map them, or for each by itself.
    @Test(arguments: [true, false])
    func `windows go on when the process ends that was found first`(isByName: Bool) async throws {
      let first = try RunningProgram([try Workload.path("bench/churn")])
      try await first.waitForOutput(within: 60) { $0.contains("churn ") }
      let second = try RunningProgram([try Workload.path("bench/churn")])
      let scope =
        isByName ? ["--name", "churn"] : ["--pid", "\(first.pid)", "--pid", "\(second.pid)"]
      let heaptap = try HeaptapCommand.start(
        ["watch"] + scope + ["--json", "--interval", "1", "--duration", "120"])
      try await heaptap.waitForOutput(within: 60) { $0.contains("\"mode\":\"windows\"") }
      try await heaptap.waitForOutput(within: 60) { $0.contains("\"estimated\":true") }
      first.signal(SIGKILL)
      try await heaptap.waitForOutput(within: 30) { $0.contains("\"exited\":true") }
      let seen = heaptap.output.split(separator: "\n").count
      try await heaptap.waitForOutput(within: 60) { $0.split(separator: "\n").count > seen + 8 }
      let later = try await reports(of: heaptap).dropFirst(seen).flatMap(\.targets)
      let final = later.filter { $0.pid == first.pid }
      #expect(Set(final.map(\.allocatedBlocks)).count == 1, "what has ended changes no more")
      #expect(final.allSatisfy { $0.exited && $0.obstacle == nil })
      // Estimates change with each window that has seen anything.
      let rest = later.filter { $0.pid == second.pid }
      let estimates = Set(rest.map(\.allocatedBlocks))
      #expect(estimates.count >= 4, "\(estimates)")
      #expect(rest.allSatisfy { $0.obstacle == nil })
      let counts = [final, rest].map { $0.last?.windows?.count ?? 0 }
      #expect(0 < counts[0] && counts[0] < counts[1], "\(counts)")
    }

    @Test func `windows that fail are counted with their reason, and go on when they can`()
      async throws
    {
      let program = try RunningProgram([try Workload.path("bench/churn")])
      try await program.waitForOutput(within: 60) { $0.contains("churn ") }
      let heaptap = try HeaptapCommand.start(
        [
          "watch", "--pid", "\(program.pid)", "--budget", "2%", "--json", "--interval", "1",
          "--duration", "120",
        ])
      try await heaptap.waitForOutput(within: 60) { $0.contains("\"estimated\":true") }
      // Links are descriptors.
      try Toolchain.run("prlimit", "--pid", "\(heaptap.pid)", "--nofile=4:")
      try await heaptap.waitForOutput(within: 30) { $0.contains("\"obstacle\":\"cannot") }
      try Toolchain.run("prlimit", "--pid", "\(heaptap.pid)", "--nofile=1024:")
      let seen = heaptap.output.split(separator: "\n").count
      try await heaptap.waitForOutput(within: 60) { $0.split(separator: "\n").count > seen + 5 }
      let targets = try await reports(of: heaptap).compactMap(\.targets.first)
      let refused = try #require(targets.first { $0.obstacle != nil })
      let libc = "/usr/lib/x86_64-linux-gnu/libc.so.6"
      #expect(refused.obstacle == "cannot open a window in \(libc): too many open files")
      let last = try #require(targets.last { !$0.exited })
      #expect(last.obstacle == nil)
      let windows = try #require(last.windows)
      #expect(windows.failed > 0)
      #expect(windows.failure == refused.obstacle)
      #expect(windows.count > (refused.windows?.count ?? 0))
      #expect(last.allocatedBlocks != refused.allocatedBlocks)
    }

    @Test func `what was counted of a process that has ended stays when windows begin`()
      async throws
    {
      let counted = try RunningProgram(
        [try Workload.path("leak")], environment: ["WAIT_FOR_SIGUSR1": "1", "LINGER_MS": "900"])
      let script = "read line; exec \(try Workload.path("bench/churn"))"
      let files = try ScratchDirectory()
      try Toolchain.run("mkfifo", files.path("fifo"))
      let busy = try RunningProgram(["sh", "-c", "exec < \(files.path("fifo")); \(script)"])
      let heaptap = try HeaptapCommand.start(
        [
          "watch", "--pid", "\(counted.pid)", "--pid", "\(busy.pid)", "--json", "--interval", "0.5",
          "--duration", "120",
        ])
      try await heaptap.waitForOutput(within: 60) { $0.contains("\"mode\":\"exact\"") }
      counted.signal(SIGUSR1)
      let truth = Figures(truth: Workload.truth(in: try await counted.result(within: 30).output))
      try await heaptap.waitForOutput(within: 30) { $0.contains("\"exited\":true") }
      try "go\n".write(toFile: files.path("fifo"), atomically: false, encoding: .utf8)
      try await heaptap.waitForOutput(within: 60) { text in
        text.split(separator: "\n").last?.contains("\"estimated\":true") ?? false
      }
      let last = try #require(try await reports(of: heaptap).last)
      let row = try #require(last.targets.first { $0.pid == counted.pid })
      #expect(row.mode == "exact")
      #expect(row.figures == truth)
      #expect(last.targets.first { $0.pid == busy.pid }?.mode == "windows")
    }
  }
}
