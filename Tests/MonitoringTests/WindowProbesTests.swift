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
  /// A running program of which windows can be taken.
  private final class Observed {
    private let program: RunningProgram
    private let session: ProbeSession
    let slot: ProcessSlot
    /// Where it can be attached to.
    let places: [WindowRequest.Place]
    let windows: WindowProbes

    var pid: Int32 { program.pid }

    /// Starts a program and lets it run for some time, microseconds; nil where the kernel has no windows.
    init?(
      _ arguments: [String], environment: [String: String] = [:], warmUp: UInt32 = 200_000
    ) throws {
      program = try RunningProgram(arguments, environment: environment)
      usleep(warmUp)
      session = try ProbeSession(ProbeSettings(maximumBlocks: 1000))
      guard session.calibration.linkKind != .perf else { return nil }
      let pid = program.pid
      slot = try CodeRegistry(session).addTarget(pid: pid)
      var finder = AllocatorFinder(profile: session.calibration.profile)
      let files = try finder.newFiles(in: ProcessDirectory(pid: pid)).allocators
      places = files.map { WindowRequest.Place(file: $0, pid: pid) }
      windows = try WindowProbes(session)
    }
  }

  /// `server` allocates 128 bytes for good and 256 bytes for a moment, some 900 times a second.
  @Test func `a window has every event of its time and nothing else`() throws {
    guard let server = try Observed([try Workload.path("server"), "3600"]) else { return }
    let (places, windows) = (server.places, server.windows)

    let first = try windows.record(
      WindowRequest(places, nanoseconds: 1_000_000_000, allowance: 10_000))
    usleep(50_000)
    let second = try windows.record(
      WindowRequest(places, nanoseconds: 20_000_000_000, allowance: 30))

    #expect(!first.isCutShort && first.events.allSatisfy { $0.process == server.slot })
    let moments = first.events.compactMap { event -> ThreadMoment? in
      if case .ran(let moment) = event.content { moment } else { nil }
    }
    #expect(!moments.isEmpty && moments.count < first.events.count / 10)
    #expect(moments.map(\.time) == moments.map(\.time).sorted())
    #expect(moments.allSatisfy { (first.opened...first.closed).contains($0.time) })
    #expect(moments.allSatisfy { $0.processor < ProcessInfo.processInfo.processorCount })
    #expect((1...1_000_000_000).contains(first.cpuNanoseconds[server.pid] ?? 0))
    #expect((10...20_000).contains(first.programNanoseconds), "some runs of all are timed")
    let kept = sizes(of: first).filter { $0.value == 128 }.count
    let passing = sizes(of: first).filter { $0.value == 256 }.count
    let freed = first.events.count { if case .freed = $0.content { true } else { false } }
    #expect(kept > 5)
    #expect(abs(kept - passing) <= 1)
    #expect(abs(freed - passing) <= 1)
    #expect(kept + passing + freed + moments.count == first.events.count)
    // malloc(3) of glibc adds 8 bytes and rounds up to 16; what is no block has no size.
    let chunks = Set(first.events.map(\.chunkByteCount))
    #expect(chunks == [0, 144, 272])
    #expect(first.events.allSatisfy { $0.thread == server.pid })

    var builder = WindowReadingBuilder()
    let process = ProcessIdentity(pid: server.pid, startTicks: 1)
    let reading = builder.reading(of: process, first.events, in: first) { UInt64($0.rawValue) }
    #expect(builder.sites.count == 2)
    #expect(reading.threads.map(\.insideLength).allSatisfy { $0 > 900_000_000 })
    #expect(reading.matchedFrees.count == 1)
    #expect(reading.unknownFrees.reduce(0) { $0 + $1.blocks } <= 1)

    #expect(second.isCutShort)
    #expect(second.events.count == 30, "the allowance")
    #expect(second.closed - second.opened < 20_000_000_000, "it ends the window")
  }

  @Test func `a window waits for a process that sleeps`() throws {
    guard let server = try Observed([try Workload.path("server"), "3600"]) else { return }
    let (places, windows) = (server.places, server.windows)

    kill(server.pid, SIGSTOP)
    let empty = try windows.record(
      WindowRequest(places, nanoseconds: 1_000_000, patience: 100_000_000, allowance: 1000))
    #expect(empty.events.isEmpty)
    #expect(empty.idleNanoseconds == 100_000_000)

    let pid = server.pid
    let waking = Thread {
      usleep(300_000)
      kill(pid, SIGCONT)
    }
    waking.start()
    let woken = try windows.record(
      WindowRequest(
        places, nanoseconds: 200_000_000, patience: 60_000_000_000, allowance: 10_000))
    #expect(woken.events.count > 5)
    #expect((50_000_000..<50_000_000_000).contains(woken.idleNanoseconds))
    #expect(woken.closed - woken.opened >= woken.idleNanoseconds + 200_000_000)
  }

  @Test func `it is told which allocations are left by a probed ret`() throws {
    func steppedShare(_ environment: [String: String]) throws -> Double {
      let arguments = [try Workload.path("bench/map")]
      guard let map = try Observed(arguments, environment: environment, warmUp: 500_000) else {
        return .nan
      }
      let recording = try map.windows.record(
        WindowRequest(map.places, nanoseconds: 1_000_000_000, allowance: 2000))
      let counts = CallCounts(recording.events)
      #expect(counts.allocations > 500)
      return Double(counts.steppedReturns) / Double(counts.allocations)
    }
    let preload = ["LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"]
    #expect(try !(steppedShare(preload) < 0.99), "operator new may throw")
    #expect(try !(steppedShare([:]) > 0), "malloc may not")
  }

  @Test func `a file that can't be probed is said to be, and leaves the others`() throws {
    guard let server = try Observed([try Workload.path("server"), "3600"]) else { return }
    let (places, windows) = (server.places, server.windows)
    var broken = try #require(places.first)
    broken.file.name = "/lib/broken.so"
    broken.file.identity.inode += 1
    for index in broken.file.probes.indices { broken.file.probes[index].fileOffset = 1 << 40 }

    let request = WindowRequest(places + [broken], nanoseconds: 200_000_000, allowance: 10_000)
    let recording = try windows.record(request)
    #expect(recording.events.count > 20)
    let sentence = "cannot open a window in /lib/broken.so: invalid argument"
    #expect(recording.refusals == [broken.id: sentence])
    let error = #expect(throws: BPFError.self) {
      try windows.record(WindowRequest([broken], nanoseconds: 1_000_000, allowance: 10))
    }
    #expect(error.map { "\($0)" } == sentence)
    let after = try windows.record(
      WindowRequest(places, nanoseconds: 200_000_000, allowance: 10_000))
    #expect(after.refusals.isEmpty && after.events.count > 20)
  }

  @Test func `a light window has the frees alone, also of an address that is used again and again`()
    throws
  {
    guard let server = try Observed([try Workload.path("server"), "3600"]) else { return }
    let (places, windows) = (server.places, server.windows)
    let full = try windows.record(
      WindowRequest(places, nanoseconds: 1_000_000_000, allowance: 10_000))
    let light = try windows.record(
      WindowRequest(places, nanoseconds: 1_000_000_000, allowance: 10_000, isLight: true))
    let (before, counts) = (CallCounts(full.events), CallCounts(light.events))
    #expect(light.isLight && !full.isLight)
    #expect(counts.allocations == 0)
    #expect(before.frees > 5)
    #expect(2 * counts.frees > before.frees && counts.frees < 2 * before.frees)
  }

  private func sizes(of recording: WindowRecording) -> [Int: UInt64] {
    var sizes: [Int: UInt64] = [:]
    for (index, event) in recording.events.enumerated() {
      if case .allocated(let bytes, _, _, _) = event.content { sizes[index] = bytes }
    }
    return sizes
  }
}
