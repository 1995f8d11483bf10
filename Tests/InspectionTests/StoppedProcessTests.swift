import Foundation
import LinuxSystem
import TestSupport
import Testing

@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct StoppedProcessTests {
  @Test func `no system call sees that the process was stopped, and no signal is lost`()
    async throws
  {
    let program = try await Program.start("blocked_calls")
    let stopCount = 200
    for _ in 0..<stopCount {
      let threads = try StoppedProcess.whileStopped(program.pid, patience: .seconds(30)) {
        process in
        // SIGRTMIN as glibc has it, which keeps the two before it to itself (signal(7)).
        program.signal(34)
        return process.threads.count
      }
      #expect(threads.get() == 21)
    }
    // Twenty calls wait; all would have been interrupted.
    try await Task.sleep(for: .milliseconds(100))
    program.signal(SIGTERM)
    let truth = Workload.truth(in: try await program.result(within: 60).output)
    #expect(truth["interrupted"] == 0)
    #expect(truth["signals"] == UInt64(stopCount))
    #expect(try #require(truth["returned"]) > 10)
  }

  @Test func `while it is held nothing runs, and afterwards it runs on`() throws {
    let program = try RunningProgram(["sh", "-c", "while :; do :; done"])
    let held = try StoppedProcess.whileStopped(program.pid, patience: .seconds(30)) { process in
      let before = Self.processorTime(of: process.pid)
      usleep(100_000)
      return (before, Self.processorTime(of: process.pid))
    }.get()
    #expect(held.0 == held.1)
    // Many tests share few processors.
    let deadline = ContinuousClock.now + .seconds(60)
    while Self.processorTime(of: program.pid) <= held.1, ContinuousClock.now < deadline {
      usleep(20_000)
    }
    #expect(Self.processorTime(of: program.pid) > held.1)
    #expect(try Program.status(of: program.pid, "TracerPid") == "0")
  }

  @Test func `a process that was stopped stays so`() throws {
    let program = try RunningProgram(["sleep", "600"])
    program.signal(SIGSTOP)
    try Self.wait(for: "T", program.pid)
    _ = try StoppedProcess.whileStopped(program.pid, patience: .seconds(30)) { _ in }
    usleep(20_000)
    #expect(try Program.status(of: program.pid, "State")?.first == "T")
    program.signal(SIGCONT)
    try Self.wait(for: "S", program.pid)
  }

  @Test func `a thread that can't be stopped in time is released`() async throws {
    let program = try await Program.start("vfork_wait")
    try Self.wait(for: "D", program.pid)
    #expect(throws: StopError.unstoppable(thread: program.pid)) {
      _ = try StoppedProcess.whileStopped(program.pid, patience: .milliseconds(20)) { _ in }
    }
    #expect(try Program.status(of: program.pid, "TracerPid") == "0")
    // Its child waits for this; it has the signal blocked itself.
    kill(-program.pid, SIGTERM)
    let result = try await program.result(within: 60)
    #expect(result.end == .status(0))
    #expect(result.output.hasSuffix("after\n"))
  }

  @Test func `a process that has ended is said to have`() throws {
    let pid: Int32
    do { pid = try RunningProgram(["true"]).pid }
    #expect(throws: StopError.vanished) {
      _ = try StoppedProcess.whileStopped(pid, patience: .seconds(1)) { _ in }
    }
  }

  /// Blocks: whoever waits asleep may wait for the tests that run meanwhile, a minute and more.
  private static func wait(for state: Character, _ pid: Int32) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try Program.status(of: pid, "State")?.first != state {
      try #require(ContinuousClock.now < deadline)
      usleep(2000)
    }
  }

  /// Clock ticks, proc_pid_stat(5) fields 14 and 15.
  private static func processorTime(of pid: Int32) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    let fields = text.split(separator: " ")
    return fields.count > 15 ? (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0) : 0
  }
}
