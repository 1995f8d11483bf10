import Foundation
import LinuxSystem
import Processes
import TestSupport
import Testing

@testable import Inspection

/// Images that are taken from a copy-on-write twin.
@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct ProcessTwinTests {
  private static func image(of pid: Int32) throws -> ProcessImage {
    try ImageCopier(pid: pid, maximumPause: .seconds(60)).copyOnWrite()
  }

  @Test func `no system call sees it, and no signal is lost`() async throws {
    let program = try await Program.start("blocked_calls")
    let count = 50
    for _ in 0..<count {
      program.signal(34)
      #expect(try Self.image(of: program.pid).threads.count == 21)
    }
    try await Task.sleep(for: .milliseconds(100))
    program.signal(SIGTERM)
    let truth = Workload.truth(in: try await program.result(within: 60).output)
    #expect(truth["interrupted"] == 0)
    #expect(truth["signals"] == UInt64(count))
    #expect(try #require(truth["returned"]) > 10)
  }

  @Test func `all registers stay what they are, and no child is left`() async throws {
    let program = try await Program.start("exact_registers")
    for _ in 0..<100 { _ = try Self.image(of: program.pid) }
    program.signal(SIGTERM)
    let truth = Workload.truth(in: try await program.result(within: 60).output)
    #expect(truth["wrong"] == 0)
    #expect(try #require(truth["rounds"]) > 0)
    #expect(truth["interrupted"] == 0)
    #expect(truth["children"] == 0)
  }

  @Test func `it is the same as a copy`() async throws {
    let program = try await Program.start("planted_blocks", "4", "20000", "6")
    let copy = try ImageCopier(pid: program.pid, maximumPause: .seconds(60)).copy()
    let twin = try Self.image(of: program.pid)
    let (expected, found) = (try copy.walkHeap(), try twin.walkHeap())
    #expect(expected.blocks.count > 500)
    #expect(found.blocks == expected.blocks)
    #expect(found.freeChunks == expected.freeChunks)
    #expect(found.checks == expected.checks)
    #expect(twin.regions.map(\.mapping) == copy.regions.map(\.mapping))
    #expect(twin.unreadablePageCount == copy.unreadablePageCount)
    let kinds = HeapReferences(of: twin, found).leakKinds.kinds
    #expect(kinds == HeapReferences(of: copy, expected).leakKinds.kinds)
  }

  @Test func `a process whose calls are filtered is left alone`() async throws {
    let program = try await Program.start("exact_registers", "filtered")
    #expect(
      throws: InspectionError.noTwin(
        pid: program.pid, detail: "seccomp filters its system calls")
    ) { try Self.image(of: program.pid) }
    #expect(try Program.status(of: program.pid, "TracerPid") == "0")
  }

  @Test func `a process that was stopped stays so`() async throws {
    let program = try await Program.start("exact_registers")
    program.signal(SIGSTOP)
    while try Program.status(of: program.pid, "State")?.first != "T" { usleep(1000) }
    #expect(
      throws: InspectionError.noTwin(pid: program.pid, detail: "a signal has stopped it")
    ) { try Self.image(of: program.pid) }
    #expect(try Program.status(of: program.pid, "State")?.first == "T")
    program.signal(SIGCONT)
  }
}
