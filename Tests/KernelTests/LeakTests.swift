import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// `run --fail-on-leak`.
  @Suite struct Leaks {
    @Test func `a command that leaks fails with a report of where`() async throws {
      let result = try await run([], "leak")
      #expect(result.end == .status(1))
      // 100 blocks of 64, 65 … 163 bytes, of which a variable holds the last.
      #expect(
        result.errors.contains("lost when the command ended: 11 KiB in 99 blocks from 1 stack\n"))
      #expect(result.errors.contains("still reachable, which is no failure: 163 B in 1 block\n"))
      // The table above it has all sites, the report only those that leak.
      let report = try #require(result.errors.components(separatedBy: "lost when").last)
      #expect(report.contains("\n    leaky  "))
      #expect(!report.contains("\n    tidy  "))
    }

    @Test func `a command that frees everything succeeds`() async throws {
      let result = try await run([], "free_null")
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(result.errors.contains("no leaks: nothing was lost when the command ended\n"))
    }

    @Test func `what is suppressed is no leak, and is counted`() async throws {
      let files = try ScratchDirectory()
      try Data("# known\nleak:^leaky$\n".utf8).write(to: URL(filePath: files.path("known")))
      let result = try await run(["--suppressions", files.path("known")], "leak")
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(
        result.errors.contains("suppressed by leak:^leaky$: 11 KiB in 99 blocks from 1 stack"))
    }

    @Test(arguments: [("11186", Int32(1)), ("11187", 0)])
    func `only more than the limit fails`(limit: String, status: Int32) async throws {
      let result = try await run(["--leak-limit", limit], "leak")
      #expect(result.end == .status(status), "\(result.errors)")
    }

    @Test func `what is only not freed counts if all kinds do`() async throws {
      let result = try await run(["--leak-kinds", "all"], "leak")
      #expect(result.end == .status(1))
      #expect(
        result.errors.contains(
          "not freed when the command ended: 11 KiB in 100 blocks from 1 stack\n"))
    }

    @Test func `only kinds that were asked for fail`() async throws {
      let reachable = try await run(["--leak-kinds", "reachable", "--json"], "leak")
      #expect(reachable.end == .status(1))
      #expect(
        reachable.errors.contains("left when the command ended: 163 B in 1 block from 1 stack\n"))
      #expect(
        reachable.errors.contains("definitely lost, which is no failure: 11 KiB in 99 blocks\n"))
      let possible = try await run(["--leak-kinds", "possible"], "leak")
      #expect(possible.end == .status(0), "\(possible.errors)")
    }

    @Test(arguments: [
      "libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2",
    ])
    func `of another allocator the blocks that were seen count`(library: String) async throws {
      // For heaptap, too, which hands it on.
      let command = try HeaptapCommand.start(
        ["run", "--fail-on-leak", "--", try Workload.path("leak")],
        environment: ["LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/\(library)"])
      let result = try await command.result(within: 60)
      #expect(result.end == .status(1), "\(result.errors)")
      let report = try #require(result.errors.components(separatedBy: "lost when").last)
      // tcmalloc loses one of its own.
      #expect(
        report.contains(
          library.contains("tcmalloc")
            ? "in 100 blocks from 2 stacks\n" : "in 99 blocks from 1 stack\n"),
        "\(report)")
      #expect(report.contains("still reachable, which is no failure: "))
      #expect(report.contains("\n    leaky  "))
      #expect(!report.contains("\n    tidy  "))
    }

    @Test func `of an allocator beside glibc's the blocks that were seen count`() async throws {
      let result = try await run([], "prefixed")
      #expect(result.end == .status(1))
      // Every other of its hundred blocks of malloc is lost, and every fourth of its own allocator.
      #expect(
        result.errors.contains("lost when the command ended: 4.3 KiB in 75 blocks from 2 stacks\n"),
        "\(result.errors)")
    }

    @Test func `threads and signals do not keep a command from its end`() async throws {
      for (workload, arguments) in [
        ("exit_from_thread", []), ("many_threads", []), ("interrupted", []), ("exec_self", []),
        ("fork_storm", []), ("vfork_exec", []), ("alternate_stack", []),
      ] as [(String, [String])] {
        let plain = try await RunningProgram([try Workload.path(workload)] + arguments).result()
        let watched = try await run(["--leak-limit", "1000000000"], workload, arguments)
        #expect(watched.end == plain.end, "\(workload): \(watched.errors)")
        #expect(!watched.errors.contains("can't be told"), "\(workload): \(watched.errors)")
      }
    }

    @Test func `a command that a signal kills counts what was never freed`() async throws {
      let result = try await HeaptapCommand.run([
        "run", "--fail-on-leak", "--", "/bin/bash", "-c", "kill -TERM $$",
      ])
      #expect(result.end == .status(128 + SIGTERM))
      #expect(result.errors.contains("a signal killed it"), "\(result.errors)")
    }

    @Test func `a command runs on when heaptap is killed`() async throws {
      let run = try HeaptapCommand.start([
        "run", "--fail-on-leak", "--", try Workload.path("progress"),
      ])
      try await run.waitForOutput { !$0.isEmpty }
      run.signal(SIGKILL)
      _ = try await run.result()
      let progress = run.output.utf8.count
      try await run.waitForOutput(within: 5) { $0.utf8.count > progress + 10 }
    }

    @Test func `a command that is held at its end ends when heaptap is killed`() async throws {
      let run = try HeaptapCommand.start([
        "run", "--fail-on-leak", "--", try Workload.path("many_blocks"), "300000",
      ])
      let command = try await child(of: run.pid, named: "many_blocks")
      // By then it is through with its loader, in which it is traced, too.
      try await run.waitForOutput { $0.contains("failed_allocations") }
      while let state = state(of: command), state != "t" {
        try await Task.sleep(for: .microseconds(100))
      }
      #expect(state(of: command) == "t", "it is held")
      run.signal(SIGKILL)
      #expect(try await run.result().end == .signal(SIGKILL))
      let end = ContinuousClock.now + .seconds(5)
      while state(of: command) != nil, ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(state(of: command) == nil)
    }

    private func child(of pid: pid_t, named name: String) async throws -> pid_t {
      let deadline = ContinuousClock.now + .seconds(30)
      while ContinuousClock.now < deadline {
        let path = "/proc/\(pid)/task/\(pid)/children"
        let children = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        for child in children.split(separator: " ").compactMap({ pid_t($0) })
        where (try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)) == name + "\n" {
          return child
        }
        try await Task.sleep(for: .milliseconds(1))
      }
      throw TestSupportError("process \(pid) has not started \(name)")
    }

    /// The letter of `/proc/PID/stat`; nil for a process that has ended.
    private func state(of pid: pid_t) -> Character? {
      let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
      let state = text?.split(separator: ")").last?.first { $0 != " " }
      return state == "Z" ? nil : state
    }

    @Test func `a command that is stopped goes on when it is continued`() async throws {
      let result = try await HeaptapCommand.run([
        "run", "--fail-on-leak", "--", "/bin/bash", "-c",
        "(sleep 0.3; grep -c '^State:.[Tt]' /proc/$$/status; kill -CONT $$) & kill -STOP $$; wait; exit 3",
      ])
      #expect(result.end == .status(3), "\(result.errors)")
      #expect(result.output == "1\n")
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
