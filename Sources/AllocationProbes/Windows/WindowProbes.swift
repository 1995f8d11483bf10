package import BPFRuntime
import Glibc
import LinuxSystem
import ProbeABI
package import Processes
import Synchronization

/// What is to be recorded in one window.
package struct WindowRequest: Sendable {
  /// A file whose functions are probed, only in this process; nil: in all.
  package struct Place: Sendable {
    /// Tells places apart.
    package struct ID: Hashable, Sendable {
      package var file: FileIdentity
      package var pid: Int32?
    }

    package var file: AllocatorFile
    package var pid: Int32?
    package var id: ID { ID(file: file.identity, pid: pid) }

    package init(file: AllocatorFile, pid: Int32?) {
      self.file = file
      self.pid = pid
    }
  }

  package var places: [Place]
  /// For which the window is open, at most, after the first event or else after `patience`.
  package var nanoseconds: UInt64
  /// For which it waits open for a first event. A process that sleeps is not slowed meanwhile.
  package var patience: UInt64
  /// Events that are recorded at most, in 1...`WindowProbes.eventCapacity`.
  package var allowance: Int
  /// Only functions that free are probed, so that threads are slowed as little as can be.
  package var isLight: Bool

  package init(
    _ places: [Place], nanoseconds: UInt64, patience: UInt64 = 0, allowance: Int,
    isLight: Bool = false
  ) {
    self.isLight = isLight
    self.places = places
    self.nanoseconds = nanoseconds
    self.patience = patience
    self.allowance = allowance
  }
}

/// Attaches to allocators for a few milliseconds at a time, and records what they do meanwhile.
///
/// Shares the session's targets, stacks and code; its probes are its own. Used by one thread at a time.
package final class WindowProbes {
  /// Events there is room for in one window; 48 bytes of kernel memory each.
  package static let eventCapacity = 65_536

  /// Nanoseconds between two looks at whether the allowance is used up.
  private static let nap: UInt64 = 100_000
  /// The same while nothing has happened yet.
  private static let longNap: UInt64 = 1_000_000

  private let programs: BPFObject
  private let state: MappedArray
  private let events: MappedArray
  private let linkKind: UprobeLinkKind
  private var lastNumber: UInt32 = 0

  /// Loads the programs of windows.
  ///
  /// - Throws: `BPFError`; ENOTSUP where the kernel has perf uprobes only, which take too long to close.
  package init(_ session: ProbeSession) throws(BPFError) {
    linkKind = session.calibration.linkKind
    guard linkKind != .perf else {
      throw BPFError(attempt: "observe in windows without multi uprobes (Linux 6.6)", code: ENOTSUP)
    }
    programs = try session.windowObject()
    try programs.load()
    state = try MappedArray(programs.map(MAP_WINDOW), writable: true)
    events = try MappedArray(programs.map(MAP_WINDOW_EVENTS), writable: true)
  }

  /// Records for some time, or until so many events have happened.
  ///
  /// A file that can't be attached to is left out.
  ///
  /// - Throws: `BPFError` where that leaves none.
  package func record(_ request: WindowRequest) throws(BPFError) -> WindowRecording {
    var recording = WindowRecording()
    let ownBefore = SystemClock.threadNanoseconds
    recording.attaching = SystemClock.monotonicNanoseconds
    // From the first breakpoint to the last one's end targets are slow, which must not last while we wait for a processor.
    ThreadPriority.raise()
    defer { ThreadPriority.restore() }
    reset(allowance: 0)
    var links = WindowLinks()
    defer { links.close() }
    recording.isLight = request.isLight
    try attach(request, &links, &recording)
    let firstRun = state.load(0, as: window_state.self).first_outside
    open(allowance: min(max(1, request.allowance), events.count))
    recording.opened = SystemClock.monotonicNanoseconds
    if firstRun > 0 {
      recording.outsideNanoseconds += recording.opened - min(firstRun, recording.opened)
    }
    recording.idleNanoseconds = waitForFirstEvent(recording.opened, request.patience)
    waitForEnd(recording.opened + recording.idleNanoseconds + request.nanoseconds)
    recording.isCutShort = close()
    recording.closed = SystemClock.monotonicNanoseconds
    recording.cpuNanoseconds = cpuOfBusiestThreads()
    recording.detaching = SystemClock.monotonicNanoseconds
    let elsewhere = links.close()
    // No program runs any more, so every record is as it will be.
    recording.detached = SystemClock.monotonicNanoseconds
    let lastRun = state.load(0, as: window_state.self).last_outside
    recording.outsideNanoseconds += max(lastRun, recording.detaching) - recording.detaching
    recording.events = readEvents()
    recording.programNanoseconds = programNanoseconds
    recording.ownNanoseconds = SystemClock.threadNanoseconds - ownBefore + elsewhere
    return recording
  }

  /// Probes all files, and says which it could not.
  private func attach(
    _ request: WindowRequest, _ links: inout WindowLinks, _ recording: inout WindowRecording
  ) throws(BPFError) {
    var failure: BPFError?
    for isUsual in [false, true] {
      for place in request.places where recording.refusals[place.id] == nil {
        do throws(BPFError) {
          let set = try attach(place, isUsual: isUsual, isLight: request.isLight)
          if let set { links.add(set, isUsual: isUsual) }
        } catch {
          let error = BPFError(
            attempt: "open a window in \(place.file.name)", code: error.code, log: error.log)
          recording.refusals[place.id] = "\(error)"
          failure = error
        }
      }
    }
    let isRefused = request.places.allSatisfy { recording.refusals[$0.id] != nil }
    if let failure, isRefused { throw failure }
  }

  /// Probes the functions of a file that are called most or, otherwise, the others; nil: there are none. Entry and return
  /// are one link where the kernel has sessions, which is gone sooner than two.
  private func attach(
    _ place: WindowRequest.Place, isUsual: Bool, isLight: Bool
  ) throws(BPFError) -> LinkSet? {
    let file = place.file
    let traits = file.keepsChunkSizes ? UInt64(CALL_CHUNK_BEFORE_BLOCK.rawValue) : 0
    let entries = file.entries(traits: traits) {
      $0.isUsual == isUsual && (isLight ? $0.isFree : !$0.isMapping)
    }
    guard !entries.isEmpty else { return nil }
    let returning = file.entries(traits: traits) {
      $0.isUsual == isUsual && !isLight && $0.return == .probed && !$0.isMapping
    }
    let instructions = isLight ? [] : file.returnInstructions { $0.isUsual == isUsual }
    return try LinkSet.attaching(
      linkKind, object: programs,
      entryProgram: linkKind == .session ? "window_call" : "window_entry",
      returnProgram: "window_return", path: file.held.path, targets: instructions + entries,
      returnTargets: returning, pid: place.pid)
  }

  // MARK: The window

  private func open(allowance: Int) {
    lastNumber &+= 1
    if lastNumber == 0 { lastNumber = 1 }
    reset(allowance: allowance)
    number.pointee.store(lastNumber, ordering: .sequentiallyConsistent)
  }

  private func reset(allowance: Int) {
    // A record that nobody fills must not look like the one that was there before.
    if claimedCount > 0 { memset(events.mutableBytes(at: 0), 0, claimedCount * events.stride) }
    var fresh = window_state()
    fresh.allowance = UInt32(allowance)
    state.mutableBytes(at: 0).storeBytes(of: fresh, as: window_state.self)
  }

  /// True: it had closed itself.
  private func close() -> Bool {
    number.pointee.exchange(0, ordering: .sequentiallyConsistent) == 0
  }

  /// Nanoseconds for which nothing happened, estimated low.
  private func waitForFirstEvent(_ opened: UInt64, _ patience: UInt64) -> UInt64 {
    guard patience > 0 else { return 0 }
    while claimedCount == 0 {
      let idle = SystemClock.monotonicNanoseconds - opened
      guard idle < patience else { return patience }
      Self.sleep(min(Self.longNap, patience - idle))
    }
    let idle = SystemClock.monotonicNanoseconds - opened
    return idle - min(idle, Self.longNap)
  }

  private func waitForEnd(_ end: UInt64) {
    while number.pointee.load(ordering: .relaxed) != 0 {
      let now = SystemClock.monotonicNanoseconds
      guard now < end else { return }
      Self.sleep(min(Self.nap, end - now))
    }
  }

  static func sleep(_ nanoseconds: UInt64) {
    var pause = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
    nanosleep(&pause, nil)
  }

  /// Of the window that is open, 0 if none is; shared with the kernel programs.
  private var number: UnsafeMutablePointer<Atomic<UInt32>> {
    state.mutableBytes(at: 0).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// Events of the last window that have a record.
  private var claimedCount: Int {
    let state = state.load(0, as: window_state.self)
    return min(Int(min(state.claimed, state.allowance)), events.count)
  }

  /// Threads whose CPU time is looked at after a window; each costs some microseconds while probes are still there.
  private static let watchedThreads = 8
  /// One event in so many tells which threads did most.
  private static let sampleStride = 16

  private func cpuOfBusiestThreads() -> [Int32: UInt64] {
    var counts: [Int32: Int] = [:]
    for index in stride(from: 0, to: claimedCount, by: claimedCount > 512 ? Self.sampleStride : 1) {
      let record = events.load(index, as: window_event.self)
      counts[Int32(bitPattern: record.thread), default: 0] += 1
    }
    var times: [Int32: UInt64] = [:]
    for (thread, _) in counts.sorted(by: { $0.value > $1.value }).prefix(Self.watchedThreads) {
      times[thread] = ThreadTime.nanoseconds(of: thread)
    }
    return times
  }

  private var programNanoseconds: Double {
    let state = state.load(0, as: window_state.self)
    return state.timed > 0 ? Double(state.program_nanoseconds) / Double(state.timed) : 0
  }

  private func readEvents() -> [WindowEvent] {
    (0..<claimedCount).compactMap { WindowEvent(events.load($0, as: window_event.self)) }
  }
}
