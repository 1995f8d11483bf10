package import BPFRuntime
import Glibc
import LinuxSystem
import ProbeABI
import Synchronization

/// Attaches to allocators for a few milliseconds at a time, and records what they do meanwhile.
///
/// Shares the session's targets, stacks and code; its probes are its own. Used by one thread at a time.
package final class WindowProbes {
  /// Events there is room for in one window; 48 bytes of kernel memory each.
  package static let eventCapacity = 65_536

  /// Nanoseconds between two looks at whether the allowance is used up.
  private static let nap: UInt64 = 100_000

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
  /// - Parameters:
  ///   - files: whose functions are probed.
  ///   - nanoseconds: for which the window is open, at most.
  ///   - allowance: events that are recorded at most, in 1...`eventCapacity`.
  ///   - pid: only in this process; nil for all.
  package func record(
    _ files: [AllocatorFile], nanoseconds: UInt64, allowance: Int, pid: Int32? = nil
  ) throws(BPFError) -> WindowRecording {
    var recording = WindowRecording()
    recording.attaching = SystemClock.monotonicNanoseconds
    var links: [LinkSet] = []
    defer { LinkSet.close(links) }
    for file in files { links.append(try attach(file, pid: pid)) }
    open(allowance: min(max(1, allowance), events.count))
    recording.opened = SystemClock.monotonicNanoseconds
    waitForEnd(recording.opened + nanoseconds)
    recording.isCutShort = close()
    recording.closed = SystemClock.monotonicNanoseconds
    LinkSet.close(links)
    links = []
    // No program runs any more, so every record is as it will be.
    recording.detached = SystemClock.monotonicNanoseconds
    recording.events = readEvents()
    return recording
  }

  /// One link for all functions of a file where the kernel has sessions, which is gone sooner than two.
  private func attach(_ file: AllocatorFile, pid: Int32?) throws(BPFError) -> LinkSet {
    let traits = file.keepsChunkSizes ? UInt64(CALL_CHUNK_BEFORE_BLOCK.rawValue) : 0
    let entries = file.entries(traits: traits) { !$0.isMapping }
    let returning = file.entries(traits: traits) { $0.return == .probed && !$0.isMapping }
    return try LinkSet.attaching(
      linkKind, object: programs,
      entryProgram: linkKind == .session ? "window_call" : "window_entry",
      returnProgram: "window_return", path: file.attachPath,
      targets: file.returnInstructions + entries, returnTargets: returning, pid: pid)
  }

  // MARK: The window

  private func open(allowance: Int) {
    lastNumber &+= 1
    if lastNumber == 0 { lastNumber = 1 }
    // A record that nobody fills must not look like the one that was there before.
    if claimedCount > 0 { memset(events.mutableBytes(at: 0), 0, claimedCount * events.stride) }
    state.mutableBytes(at: 0).storeBytes(
      of: window_state(number: 0, allowance: UInt32(allowance), claimed: 0, reserved: 0),
      as: window_state.self)
    number.pointee.store(lastNumber, ordering: .sequentiallyConsistent)
  }

  /// True: it had closed itself.
  private func close() -> Bool {
    number.pointee.exchange(0, ordering: .sequentiallyConsistent) == 0
  }

  private func waitForEnd(_ end: UInt64) {
    while number.pointee.load(ordering: .relaxed) != 0 {
      let now = SystemClock.monotonicNanoseconds
      guard now < end else { return }
      var pause = timespec(tv_sec: 0, tv_nsec: Int(min(Self.nap, end - now)))
      nanosleep(&pause, nil)
    }
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

  private func readEvents() -> [WindowEvent] {
    (0..<claimedCount).compactMap { WindowEvent(events.load($0, as: window_event.self)) }
  }
}
