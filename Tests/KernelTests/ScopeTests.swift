import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// Every process, programs by name, cgroups, several processes at once.
  @Suite struct Scopes {
    /// A program in a collection.
    private final class Program {
      private let program: RunningProgram
      var pid: Int32 { program.pid }

      init(_ arguments: [String], _ environment: [String: String] = [:]) throws {
        program = try RunningProgram(arguments, environment: environment)
      }

      /// Waits for `begin`, does its work, and stays for a while.
      static func waiting(_ workload: String, lingerMilliseconds: Int = 900) throws -> Program {
        try Program(
          [try Workload.path(workload)],
          ["WAIT_FOR_SIGUSR1": "1", "LINGER_MS": "\(lingerMilliseconds)"])
      }

      /// Does its work at once, and stays for a while.
      static func working(_ workload: String) throws -> Program {
        try Program([try Workload.path(workload)], ["LINGER_MS": "900"])
      }

      func begin() { program.signal(SIGUSR1) }
      func end() { program.signal(SIGKILL) }

      /// What it says of itself at its end.
      func truth() async throws -> [String: UInt64] {
        Workload.truth(in: try await program.result(within: 30).output)
      }
    }

    private func watch(_ scope: [String], seconds: Double = 60) throws -> RunningProgram {
      try HeaptapCommand.start(
        ["watch"] + scope + [
          "--exact", "--json", "--top", "1000000", "--interval", "0.5", "--duration", "\(seconds)",
        ])
    }

    private func firstLine(of heaptap: borrowing RunningProgram) async throws {
      try await heaptap.waitForOutput(within: 30) { $0.contains("\n") }
    }

    private func rows(_ reports: [WatchReport], of pid: Int32) -> [WatchReport.Target] {
      reports.compactMap { $0.targets.first { $0.pid == pid } }
    }

    @Test func `what runs and what starts later is counted exactly, all at once`() async throws {
      let running = try ["mix", "leak", "recursion"].map { try Program.waiting($0) }
      let heaptap = try watch(["--all"])
      try await firstLine(of: heaptap)
      for program in running { program.begin() }
      let later = try ["calloc_overflow", "realloc_grow", "leak"].map { try Program.working($0) }
      var truths: [Int32: [String: UInt64]] = [:]
      for program in running + later { truths[program.pid] = try await program.truth() }
      try await Task.sleep(for: .seconds(1))
      let reports = try await reports(of: heaptap)
      let last = try #require(reports.last)
      for (pid, truth) in truths {
        let row = try #require(rows(reports, of: pid).last, "\(pid)")
        #expect(row.figures == Figures(truth: truth), "\(row.name)")
        #expect(row.exited)
        #expect(row.fromStart == later.map(\.pid).contains(pid))
        // Its stacks are told as well.
        let before = try #require(
          reports.last { $0.targets.contains { $0.pid == pid && !$0.exited } })
        let sites = before.sites.filter { $0.pid == pid }
        #expect(Figures(sites) == before.targets.first { $0.pid == pid }?.figures)
      }
      let leaky = last.sites.filter { $0.functions.first == "leaky" }
      #expect(Set(leaky.map(\.pid)).count == 2)
      #expect(leaky.allSatisfy { $0.liveBlocks == 100 })
    }

    @Test func `heaptap and what works for it are looked at from outside only`() async throws {
      let heaptap = try watch(["--all"], seconds: 3)
      let result = try await heaptap.result(within: 30)
      let last = try #require(try WatchReport.decode(result.output).last)
      let own = last.targets.filter { $0.pid == heaptap.pid || $0.name == "heaptap" }
      #expect(!own.isEmpty)
      for target in own {
        #expect(target.mode == "census")
        #expect(target.allocatedBlocks == 0)
      }
    }

    @Test func `programs are found by name, before and after they start`() async throws {
      let before = try Program.waiting("leak")
      let other = try Program.waiting("mix")
      let heaptap = try watch(["--name", "lea?"])
      try await firstLine(of: heaptap)
      before.begin()
      other.begin()
      // The first one started is asked about, the second is known from its first instruction.
      let first = try Program.working("leak")
      _ = try await first.truth()
      let second = try Program.working("leak")
      let truth = try await second.truth()
      _ = try await before.truth()
      let reports = try await reports(of: heaptap)
      let pids = Set(reports.flatMap(\.targets).map(\.pid))
      #expect(pids == [before.pid, first.pid, second.pid])
      #expect(rows(reports, of: before.pid).last?.figures == Figures(truth: truth))
      #expect(rows(reports, of: second.pid).last?.figures == Figures(truth: truth))
      #expect(rows(reports, of: second.pid).last?.fromStart == true)
      other.end()
    }

    @Test(arguments: [2, 6])
    func `several processes are named`(count: Int) async throws {
      let programs = try (0..<count).map { _ in try Program.waiting("mix") }
      let bystander = try Program.waiting("mix")
      let heaptap = try watch(programs.flatMap { ["--pid", "\($0.pid)"] })
      try await firstLine(of: heaptap)
      for program in programs { program.begin() }
      bystander.begin()
      var truths: [Int32: [String: UInt64]] = [:]
      for program in programs { truths[program.pid] = try await program.truth() }
      // It ends with the last of them.
      let result = try await heaptap.result(within: 30)
      #expect(result.end == .status(0), "\(result.errors)")
      let last = try #require(try WatchReport.decode(result.output).last)
      #expect(Set(last.targets.map(\.pid)) == Set(truths.keys))
      for target in last.targets {
        #expect(target.figures == Figures(truth: try #require(truths[target.pid])))
        let sites = last.sites.filter { $0.pid == target.pid }
        #expect(Figures(sites) == target.figures)
      }
      #expect(last.lost.byReason == [:])
      bystander.end()
    }

    @Test func `one process can't take the room of the others`() async throws {
      let greedy = try Program.waiting("many_blocks")
      let modest = try Program.waiting("leak")
      let heaptap = try watch(
        ["--name", "many_blocks", "--name", "leak", "--max-process-blocks", "1000"])
      try await firstLine(of: heaptap)
      greedy.begin()
      modest.begin()
      let truth = try await modest.truth()
      _ = try await greedy.truth()
      let reports = try await reports(of: heaptap)
      let row = try #require(rows(reports, of: greedy.pid).last)
      let lost = try #require(reports.last).lost.byReason["block_limit"] ?? 0
      // The room is counted 64 blocks at a time.
      #expect((1000...1064) ~= row.liveBlocks)
      #expect(row.liveBlocks + lost == 5000)
      #expect(rows(reports, of: modest.pid).last?.figures == Figures(truth: truth))
    }

    @Test func `a cgroup's processes are followed in and out`() async throws {
      let group = try CgroupFolder()
      let inside = try Program.waiting("mix")
      let mover = try Program.waiting("leak")
      let outside = try Program.waiting("mix")
      try group.add(inside.pid)
      let heaptap = try watch(["--cgroup", group.path])
      try await firstLine(of: heaptap)
      try group.add(mover.pid)
      try await Task.sleep(for: .seconds(1.5))
      for program in [inside, mover, outside] { program.begin() }
      // A child of a member belongs to it from its first instruction.
      let leak = try Workload.path("leak")
      let shell = try Program([
        "/bin/sh", "-c", "echo $$ > \(group.path)/cgroup.procs; LINGER_MS=900 \(leak); exit",
      ])
      let childTruth = try await shell.truth()
      let insideTruth = try await inside.truth()
      let moverTruth = try await mover.truth()
      let reports = try await reports(of: heaptap)
      #expect(rows(reports, of: inside.pid).last?.figures == Figures(truth: insideTruth))
      #expect(rows(reports, of: mover.pid).last?.figures == Figures(truth: moverTruth))
      #expect(rows(reports, of: outside.pid).isEmpty)
      let children = reports.flatMap(\.targets).filter {
        $0.name == "leak" && $0.pid != mover.pid
      }
      #expect(children.last?.figures == Figures(truth: childTruth))
      #expect(children.last?.fromStart == true)
      outside.end()
    }
  }
}

/// A cgroup of the test, removed with it.
private final class CgroupFolder {
  let path: String

  init() throws {
    let mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)
    let root = mounts.split(separator: "\n").map { $0.split(separator: " ") }
      .first { $0.count > 2 && $0[2] == "cgroup2" }
    path = "\(try #require(root, "no cgroup2 file system")[1])/heaptap-test-\(getpid())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  func add(_ pid: Int32) throws {
    try "\(pid)".write(toFile: "\(path)/cgroup.procs", atomically: false, encoding: .utf8)
  }

  deinit { rmdir(path) }
}
