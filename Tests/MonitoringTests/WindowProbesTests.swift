import AllocationModel
import AllocationProbes
import BPFRuntime
import Executables
import Foundation
import Monitoring
import Processes
import TestSupport
import Testing

/// Windows of a running program.
@Suite(.enabled(if: geteuid() == 0, "loading programs into the kernel needs root"))
struct WindowProbesTests {
  /// `server` allocates 128 bytes for good and 256 bytes for a moment, some 900 times a second.
  @Test func `a window has every event of its time and nothing else`() throws {
    let program = try RunningProgram([try Workload.path("server"), "3600"])
    usleep(200_000)
    let session = try ProbeSession(ProbeSettings(maximumBlocks: 1000))
    guard session.calibration.linkKind != .perf else { return }
    let slot = try CodeRegistry(session).addTarget(pid: program.pid)
    var finder = AllocatorFinder(profile: session.calibration.profile)
    let files = try finder.newFiles(in: ProcessDirectory(pid: program.pid)).allocators
    let windows = try WindowProbes(session)

    let first = try windows.record(
      files, nanoseconds: 1_000_000_000, allowance: 10_000, pid: program.pid)
    usleep(50_000)
    let second = try windows.record(
      files, nanoseconds: 20_000_000_000, allowance: 30, pid: program.pid)

    #expect(!first.isCutShort && first.events.allSatisfy { $0.process == slot })
    let kept = sizes(of: first).filter { $0.value == 128 }.count
    let passing = sizes(of: first).filter { $0.value == 256 }.count
    let freed = first.events.count { if case .freed = $0.content { true } else { false } }
    #expect(kept > 5)
    #expect(abs(kept - passing) <= 1)
    #expect(abs(freed - passing) <= 1)
    #expect(kept + passing + freed == first.events.count)
    // malloc(3) of glibc adds 8 bytes and rounds up to 16.
    let chunks = Set(first.events.map(\.chunkByteCount))
    #expect(chunks == [144, 272])
    #expect(first.events.allSatisfy { $0.thread == program.pid })

    var builder = WindowReadingBuilder()
    let process = ProcessIdentity(pid: program.pid, startTicks: 1)
    let reading = builder.reading(of: process, slot, in: first)
    #expect(builder.stacks.count == 2)
    #expect(reading.matchedFrees.count == 1)
    #expect(reading.unknownFrees.reduce(0) { $0 + $1.blocks } <= 1)

    #expect(second.isCutShort)
    #expect(second.events.count == 30, "the allowance")
    #expect(second.closed - second.opened < 20_000_000_000, "it ends the window")
  }

  private func sizes(of recording: WindowRecording) -> [Int: UInt64] {
    var sizes: [Int: UInt64] = [:]
    for (index, event) in recording.events.enumerated() {
      if case .allocated(let bytes, _) = event.content { sizes[index] = bytes }
    }
    return sizes
  }
}
