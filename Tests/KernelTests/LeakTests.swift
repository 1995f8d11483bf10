import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// `run --fail-on-leak`.
  @Suite struct Leaks {
    @Test func `a command that leaks fails with a report of where`() async throws {
      let result = try await run([], "leak")
      #expect(result.end == .status(1))
      // 100 blocks of 64, 65 … 163 bytes.
      #expect(
        result.errors.contains(
          "not freed when the command ended: 11 KiB in 100 blocks from 1 stack"))
      // The table above it has all sites, the report only those that leak.
      let report = try #require(result.errors.components(separatedBy: "not freed when").last)
      #expect(report.contains("\n    leaky  "))
      #expect(!report.contains("\n    tidy  "))
    }

    @Test func `a command that frees everything succeeds`() async throws {
      let result = try await run([], "free_null")
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(result.errors.contains("no leaks: everything was freed or is suppressed"))
    }

    @Test func `what is suppressed is no leak, and is counted`() async throws {
      let files = try ScratchDirectory()
      try Data("# known\nleak:^leaky$\n".utf8).write(to: URL(filePath: files.path("known")))
      let result = try await run(["--suppressions", files.path("known")], "leak")
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(
        result.errors.contains("suppressed by leak:^leaky$: 11 KiB in 100 blocks from 1 stack"))
    }

    @Test(arguments: [("11349", Int32(1)), ("11350", 0)])
    func `only more than the limit fails`(limit: String, status: Int32) async throws {
      let result = try await run(["--leak-limit", limit], "leak")
      #expect(result.end == .status(status), "\(result.errors)")
    }

    @Test func `a command that fails keeps its own status`() async throws {
      let result = try await run([], "exit_status", ["7"])
      #expect(result.end == .status(7), "\(result.errors)")
    }

    @Test func `what is live when the tables end is a leak only if it is never freed`() async throws
    {
      let result = try await run(["--duration", "0.2"], "server", ["1"])
      #expect(result.end == .status(1), "\(result.errors)")
      #expect(result.errors.contains("\n    leak  "))
    }

    @Test func `a suppression file that says nothing of use is a usage error`() async throws {
      let files = try ScratchDirectory()
      try Data("leak:a\nrace:b\n".utf8).write(to: URL(filePath: files.path("bad")))
      let bad = try await run(["--suppressions", files.path("bad")], "leak")
      #expect(bad.end == .status(2))
      #expect(
        bad.errors
          == "heaptap: cannot use the suppressions in \(files.path("bad")): line 2: \"race\" can't be "
          + "suppressed, only leak can; write lines leak:PATTERN\n")
      let missing = try await run(["--suppressions", files.path("none")], "leak")
      #expect(missing.end == .status(2))
      #expect(missing.errors.contains("there is no such file"))
    }

    private func run(_ options: [String], _ workload: String, _ arguments: [String] = [])
      async throws -> ProgramResult
    {
      try await HeaptapCommand.run(
        ["run", "--fail-on-leak"] + options + ["--", try Workload.path(workload)] + arguments)
    }
  }
}
