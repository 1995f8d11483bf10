import TestSupport
import Testing

extension KernelTests {
  /// fork, exec and the end of processes.
  @Suite struct ProcessLife {
    @Test func `a child that is not observed leaves its parent's figures alone`() async throws {
      try await expectOwnFigures("fork")
    }

    @Test func `an observed child's frees of inherited blocks are told apart`() async throws {
      let observed = try await HeaptapCommand.observe(
        "fork",
        options: ["--children"],
        lingering: true
      )
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      #expect(last.targets.count == 2)
      let childID = try #require(observed.truth["child"])
      let child = try #require(last.targets.first { UInt64($0.pid) == childID })
      let parent = try #require(last.targets.first { UInt64($0.pid) != childID })
      #expect(parent.figures == Figures(truth: observed.truth))
      #expect(child.inheritedFrees == 30)
      #expect(
        child.figures
          == Figures(
            allocatedBlocks: 20,
            allocatedBytes: 2200,
            freedBlocks: 5,
            freedBytes: 550,
            liveBlocks: 15,
            liveBytes: 1650
          )
      )
      #expect(last.lost.byReason == [:])
    }

    @Test(arguments: ["fork_exec", "vfork_exec"])
    func `children that exec are no part of their parent`(workload: String) async throws {
      try await expectOwnFigures(workload)
    }

    @Test func `observed children are followed through exec`() async throws {
      let observed = try await HeaptapCommand.observe(
        "fork_exec",
        [try Workload.path("leak")],
        options: ["--children"],
        lingering: true
      )
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      let children = last.targets.filter { $0.name == "leak" }
      #expect(children.count == 10)
      #expect(children.map(\.liveBlocks) == Array(repeating: 100, count: 10))
      #expect(children.map(\.liveBytes) == Array(repeating: 11350, count: 10))
      #expect(last.lost.byReason == [:])
    }

    /// They may be gone before anybody can look at them; what they did must be told all the same.
    @Test func `children that end at once are reported too`() async throws {
      let observed = try await HeaptapCommand.observe("fork", options: ["--children"])
      let last = try observed.last()
      #expect(last.targets.map(\.inheritedFrees).sorted() == [0, 30])
      #expect(last.targets.map(\.allocatedBlocks).sorted() == [20, 50])
    }

    @Test func `a fork does not disturb calls of other threads`() async throws {
      try await expectOwnSites("fork_storm")
      try await expectOwnSites("fork_storm", options: ["--children"])
    }

    @Test func `exec wipes what was live`() async throws {
      let observed = try await HeaptapCommand.observe("exec_self")
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      #expect(last.targets.map(\.liveBlocks) == [40])
      #expect(last.targets.map(\.liveBytes) == [3000])
      #expect(last.lost.byReason == [:])
    }

    @Test(arguments: [0, 1, 42, 255] as [Int32])
    func `the status of run is the command's`(status: Int32) async throws {
      let observed = try await HeaptapCommand.observe("exit_status", ["\(status)"])
      #expect(observed.result.end == .status(status))
      #expect(try observed.last().targets.map(\.allocatedBytes) == [5])
    }

    @Test func `a command ended by a signal shows in the status of run`() async throws {
      let observed = try await HeaptapCommand.observe("exit_status", ["-15"])
      #expect([.status(128 + 15), .signal(15)].contains(observed.result.end))
      #expect(try observed.last().targets.map(\.allocatedBytes) == [5])
    }
  }
}
