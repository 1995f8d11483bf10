import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// What can't be done is said in one sentence and in the exit status.
  @Suite struct Errors {
    @Test func `no such process`() async throws {
      let pid = try await pidOfEndedProcess()
      expectSentence(try await HeaptapCommand.run(["watch", "--pid", "\(pid)"]), status: 4)
    }

    @Test func `not permitted`() async throws {
      // The build folder may be out of reach of other users.
      let files = try ScratchDirectory()
      try FileManager.default.copyItem(atPath: HeaptapCommand.path, toPath: files.path("heaptap"))
      let server = try RunningProgram([try Workload.path("server")])
      let result = try await RunningProgram([
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
        files.path("heaptap"), "watch", "--pid", "\(server.pid)", "--count", "1",
      ]).result()
      expectSentence(result, status: 3)
    }

    @Test func `a 32-bit process`() async throws {
      try await expectRefusal(of: ["pause32"])
    }

    @Test func `a stripped static executable`() async throws {
      try await expectRefusal(of: ["server_static"])
    }

    @Test func `a kernel thread`() async throws {
      let name = try String(contentsOfFile: "/proc/2/comm", encoding: .utf8)
      try #require(name == "kthreadd\n")
      expectSentence(
        try await HeaptapCommand.run(["watch", "--pid", "2", "--count", "1"], within: 10),
        status: 4
      )
    }

    @Test func `itself`() async throws {
      let script = "exec \(HeaptapCommand.path) watch --pid $$ --count 1"
      let result = try await RunningProgram(["sh", "-c", script]).result(within: 10)
      #expect([.status(2), .status(4)].contains(result.end))
      #expect(result.errors.hasPrefix("heaptap: "))
    }

    @Test(arguments: [
      ["watch"], ["watch", "--pid", "one"], ["watch", "--pid", "-5"], ["watch", "--pid", "0"],
      ["watch", "--pid", "1", "--interval", "0"], ["watch", "--pid", "1", "--no-such-option"],
      ["watch", "--pid", "1", "--forbid", "everything"], ["run"], ["no-such-command"],
    ])
    func `wrong usage`(arguments: [String]) async throws {
      let result = try await HeaptapCommand.run(arguments, within: 10)
      #expect(result.end == .status(2))
      #expect(result.output == "")
      #expect(result.errors.hasPrefix("heaptap: "), "\(result.errors)")
    }

    @Test func `a command that can't be started`() async throws {
      let result = try await HeaptapCommand.run(["run", "--", "/no/such/program"], within: 10)
      #expect(result.end != .status(0) && result.end != nil)
      #expect(result.errors.hasPrefix("heaptap: "))
      #expect(result.errors.contains("/no/such/program"))
    }

    @Test func `doctor says which kind of link is used, and why better ones are not`() async throws
    {
      let result = try await HeaptapCommand.run(["doctor"])
      #expect(result.end == .status(0), "\(result.errors)")
      let lines = result.output.split(separator: "\n")
      let answers = try ["session", "multi", "perf"].map { kind in
        let line = try #require(lines.first { $0.hasPrefix("\(kind) links ") })
        return line.dropFirst("\(kind) links ".count).drop { $0 == " " }
      }
      let used = try #require(answers.firstIndex(of: "works, used"))
      #expect(answers[(used + 1)...].allSatisfy { $0 == "not needed" })
      #expect(
        zip(answers[..<used], ["6.13", "6.6"]).allSatisfy {
          $0 == "not offered by this kernel; Linux \($1) and later have them"
        })
    }

    @Test func `a libc that was replaced is observed or refused`() async throws {
      let files = try ScratchDirectory()
      let loader = "/lib64/ld-linux-x86-64.so.2"
      let libc = "/lib/x86_64-linux-gnu/libc.so.6"
      let copy = files.path("libc.so.6")
      try Data(contentsOf: URL(filePath: libc)).write(to: URL(filePath: copy))
      let program = try RunningProgram(
        [loader, "--library-path", files.path, try Workload.path("leak")],
        environment: ["WAIT_FOR_SIGUSR1": "1"]
      )
      try await program.waitForOutput { $0.contains("waiting") }
      try Data(contentsOf: URL(filePath: libc)).write(to: URL(filePath: files.path("new")))
      #expect(rename(files.path("new"), copy) == 0)

      let watch = try HeaptapCommand.start(
        ["watch", "--pid", "\(program.pid)", "--exact", "--json", "--interval", "0.2"])
      try await watch.waitForOutput { $0.contains("\n") || !watch.errors.isEmpty }
      program.signal(SIGUSR1)
      let end = try await program.result(within: 10)
      #expect(end.end == .status(0))
      let result = try await watch.result(within: 10)
      if result.end == .status(0) {
        let last = try #require(try WatchReport.decode(result.output).last)
        #expect(last.targets.first?.figures == Figures(truth: Workload.truth(in: end.output)))
      } else {
        expectSentence(result, status: 4)
      }
    }

    @Test(arguments: 1...12)
    func `code that is no executable is survived`(seed: UInt64) async throws {
      let files = try ScratchDirectory()
      try randomExecutable(seed: seed).write(to: URL(filePath: files.path("random.so")))
      let observed = try await HeaptapCommand.observe("map_file", [files.path("random.so")])
      #expect(observed.result.end == .status(0), "\(observed.result.errors)")
      #expect(try observed.last().targets.first?.figures == Figures(truth: observed.truth))

      let program = try RunningProgram(
        [try Workload.path("map_file"), files.path("random.so")],
        environment: ["WAIT_FOR_SIGUSR1": "1"]
      )
      try await program.waitForOutput { $0.contains("waiting") }
      let watch = try HeaptapCommand.start(
        ["watch", "--pid", "\(program.pid)", "--exact", "--json", "--interval", "0.1"])
      try? await watch.waitForOutput(within: 3) { $0.contains("\n") }
      program.signal(SIGUSR1)
      #expect(try await program.result(within: 10).end == .status(0))
      #expect(try await watch.result(within: 10).end == .status(0))
    }

    /// Random bytes; with an even seed behind an ELF header whose identification is right.
    private func randomExecutable(seed: UInt64) -> Data {
      var state = seed &* 0x9e37_79b9_7f4a_7c15
      var bytes = (0..<(seed.isMultiple(of: 3) ? 100 : 65536)).map { _ -> UInt8 in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
      }
      bytes.replaceSubrange(0..<4, with: [0x7f, 0x45, 0x4c, 0x46])
      guard seed.isMultiple(of: 2) else { return Data(bytes) }
      let identification: [UInt8] = [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 62, 0, 1, 0, 0, 0]
      bytes.replaceSubrange(4..<24, with: identification)
      // Tables begin inside the file and have entries of the right size, but random contents.
      bytes.replaceSubrange(32..<40, with: [64, 0, 0, 0, 0, 0, 0, 0])
      bytes.replaceSubrange(40..<48, with: [128, 0, 0, 0, 0, 0, 0, 0])
      bytes.replaceSubrange(52..<64, with: [64, 0, 56, 0, 20, 0, 64, 0, 20, 0, 3, 0])
      return Data(bytes)
    }

    private func pidOfEndedProcess() async throws -> pid_t {
      let program = try RunningProgram(["true"])
      _ = try await program.result()
      return program.pid
    }

    private func expectRefusal(
      of arguments: [String],
      at location: SourceLocation = #_sourceLocation
    ) async throws {
      let program = try RunningProgram(
        [try Workload.path(arguments[0])] + arguments.dropFirst()
      )
      try await Task.sleep(for: .milliseconds(50))
      let result = try await HeaptapCommand.run(
        ["watch", "--pid", "\(program.pid)", "--count", "1"],
        within: 10
      )
      expectSentence(result, status: 4, at: location)
    }

    private func expectSentence(
      _ result: ProgramResult,
      status: Int32,
      at location: SourceLocation = #_sourceLocation
    ) {
      #expect(result.end == .status(status), sourceLocation: location)
      #expect(result.output == "", sourceLocation: location)
      #expect(result.errors.hasPrefix("heaptap: "), sourceLocation: location)
      #expect(
        result.errors.count { $0 == "\n" } == 1 && result.errors.hasSuffix("\n"),
        "one line: \(result.errors)",
        sourceLocation: location
      )
    }
  }
}
