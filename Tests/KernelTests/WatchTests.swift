import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// `watch` of a process that already runs.
  @Suite struct Watching {
    @Test(arguments: [[], ["--forbid", "session"], ["--forbid", "session,multi"]])
    func `everything after the first report is counted`(options: [String]) async throws {
      let program = try RunningProgram(
        [try Workload.path("mix")],
        environment: ["WAIT_FOR_SIGUSR1": "1"]
      )
      try await program.waitForOutput { $0.contains("waiting") }
      let watch = try HeaptapCommand.start(
        ["watch", "--pid", "\(program.pid)", "--exact", "--json", "--interval", "0.2"] + options
      )
      try await watch.waitForOutput { $0.contains("\n") }
      program.signal(SIGUSR1)
      #expect(try await program.result().end == .status(0))
      let truth = Workload.truth(in: program.output)
      let result = try await watch.result(within: 20)
      #expect(result.end == .status(0), "the last table is printed and watch ends")
      let last = try #require(try WatchReport.decode(result.output).last)
      #expect(last.targets.first?.figures == Figures(truth: truth))
      #expect(last.targets.first?.exited == true)
      #expect(last.lost.byReason == [:])
    }

    @Test func `a leak is told from a steady path by its stack`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let result = try await HeaptapCommand.run([
        "watch", "--pid", "\(server.pid)", "--exact", "--json", "--interval", "0.5", "--count", "4",
      ])
      #expect(result.end == .status(0), "\(result.errors)")
      let reports = try WatchReport.decode(result.output)
      #expect(reports.count == 4)
      let sites = try #require(reports.last?.sites)
      let leak = try #require(sites.first)
      #expect(leak.functions.prefix(4) == ["leak", "handle_b", "handle_a", "main"])
      #expect(leak.liveBlocks > 100)
      #expect(leak.liveBytes == leak.liveBlocks * 128)
      #expect(leak.freedBlocks == 0)
      let steady = try #require(sites.first { $0.functions.first == "steady" })
      #expect(steady.functions.prefix(4) == ["steady", "handle_d", "handle_c", "main"])
      #expect(steady.liveBlocks <= 1)
      #expect(steady.allocatedBlocks > 100)
    }

    @Test func `the end of the watched process ends the watch`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let watch = try HeaptapCommand.start(
        ["watch", "--pid", "\(server.pid)", "--json", "--interval", "0.5"])
      try await watch.waitForOutput { $0.contains("\n") }
      server.signal(SIGTERM)
      let result = try await watch.result(within: 20)
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(try WatchReport.decode(result.output).last?.targets.first?.exited == true)
    }

    @Test func `a duration ends the watch and leaves the process running`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let result = try await HeaptapCommand.run(
        ["watch", "--pid", "\(server.pid)", "--exact", "--duration", "1"],
        within: 15
      )
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(result.output.contains("leak"))
      server.signal(SIGTERM)
      #expect(try await server.result(within: 5).end == .status(0))
    }

    @Test func `an interrupt ends the watch with a last table`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let watch = try HeaptapCommand.start(
        ["watch", "--pid", "\(server.pid)", "--json", "--interval", "0.2"])
      try await watch.waitForOutput { $0.contains("\n") }
      watch.signal(SIGINT)
      #expect(try await watch.result(within: 10).end == .status(0))
    }

    @Test func `a reader that leaves ends the watch without complaint`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let script =
        "\(HeaptapCommand.path) watch --pid \(server.pid) --json --interval 0.2 | head -1; "
        + "exit ${PIPESTATUS[0]}"
      let result = try await RunningProgram(["bash", "-c", script]).result(within: 20)
      #expect(result.end == .status(0))
      #expect(result.errors == "")
      #expect(result.output.count { $0 == "\n" } == 1)
    }

    @Test func `a block table that is too small is said`() async throws {
      let observed = try await HeaptapCommand.observe(
        "many_blocks",
        options: ["--max-blocks", "1000"]
      )
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      let truth = try #require(observed.truth["live_blocks"])
      let live = try #require(last.targets.first?.liveBlocks)
      #expect(live + last.lost.byReason["block_table_full", default: 0] == truth)
      #expect((1000..<truth).contains(live))
    }

    @Test func `blocks below the minimum are left out`() async throws {
      let last = try await HeaptapCommand.observe("leak", options: ["--min-size", "100"]).last()
      #expect(last.targets.map(\.allocatedBlocks) == [64 + 20])
      #expect(last.targets.map(\.liveBlocks) == [64])
    }
  }
}
