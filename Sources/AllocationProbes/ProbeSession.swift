package import BPFRuntime
package import Executables
import Glibc
import LinuxSystem
import ProbeABI
package import Processes

/// The kernel programs and their tables for as long as something is observed.
///
/// When it goes away, or this process dies in whatever way, the kernel removes every probe.
package final class ProbeSession {
  package let settings: ProbeSettings
  package let calibration: ProbeCalibration

  private let allocations: BPFObject
  let lifecycle: BPFObject
  let stackTable: MappedArray
  let siteRecords: MappedArray
  let processRecords: MappedArray
  let control: MappedArray
  let blocks: BlockTableReader
  let targets: BPFMap
  let freeProcesses: BPFMap
  let programs: BPFMap
  let code: CodeMaps
  private var events: RingBuffer?
  private var processEvents: RingBuffer?
  private let inbox = EventInbox()
  private var allocatorLinks: [LinkSet] = []
  /// Of dynamic loaders and C++ runtimes, which are called rarely.
  private var noticeLinks: [LinkSet] = []
  private var lifecycleLinks: [LifecycleLink] = []
  /// By number of the stack; empty until a block was freed.
  var lifetimesBySite: [KnownLifetimes] = []
  /// Processes that have ended, while others still run in their address space.
  var postponed: Set<ProcessSlot> = []

  /// Measures the kernel's probes, loads the programs and begins to follow forks, execs and exits.
  package init(_ settings: ProbeSettings) throws(BPFError) {
    self.settings = settings
    calibration = try ProbeCalibration.measure(forbidding: settings.forbiddenLinkKinds)
    allocations = try Self.allocationObject(settings, linkKind: calibration.linkKind)
    try allocations.load()
    lifecycle = try Self.lifecycleObject(settings, sharing: allocations)
    try lifecycle.load()

    stackTable = try MappedArray(allocations.map(MAP_STACKS), writable: true)
    siteRecords = try MappedArray(allocations.map(MAP_SITES), writable: true)
    processRecords = try MappedArray(allocations.map(MAP_PROCESSES), writable: true)
    control = try MappedArray(allocations.map(MAP_CONTROL), writable: true)
    blocks = BlockTableReader(try MappedArray(allocations.map(MAP_BLOCKS), writable: true))
    targets = try allocations.map(MAP_TARGETS)
    freeProcesses = try allocations.map(MAP_FREE_PROCESSES)
    programs = try lifecycle.map(MAP_PROGRAMS)
    code = CodeMaps(
      tables: try allocations.map(MAP_UNWIND_TABLES),
      mappings: try MappedArray(allocations.map(MAP_CODE), writable: true),
      processes: try MappedArray(allocations.map(MAP_PROCESSES), writable: true))
    events = try RingBuffer(allocations.map(MAP_EVENTS)) { [inbox] in inbox.receive($0) }
    processEvents = try RingBuffer(lifecycle.map(MAP_PROCESS_EVENTS)) { [inbox] in
      inbox.receive($0)
    }
    try exclude(pid: getpid())
    for program in ["process_exec", "process_fork", "process_exit"] {
      lifecycleLinks.append(LifecycleLink(try lifecycle.attach(program)))
    }
  }

  private static func allocationObject(
    _ settings: ProbeSettings, linkKind: UprobeLinkKind
  ) throws(BPFError) -> BPFObject {
    let embedded = embedded_allocations()
    let object = try BPFObject(
      name: "allocations",
      bytes: UnsafeRawBufferPointer(start: embedded.start, count: embedded.size))
    try configure(object, settings)
    choose(
      linkKind == .session
        ? ["allocation_call": .session, "allocation_entry": .multi]
        : ["allocation_entry": linkKind, "allocation_return": linkKind], in: object)
    return object
  }

  /// Leaves out all programs but these, each for its kind of link.
  private static func choose(
    _ kinds: [String: UprobeLinkKind], in object: borrowing BPFObject
  ) {
    for (program, _) in object.programs {
      if let kind = kinds[program] {
        object.setProgramType(program, to: .uprobe(expectedAttachType: kind.expectedAttachType))
      } else {
        object.omitProgram(program)
      }
    }
  }

  /// The programs of windows, not loaded yet.
  func windowObject() throws(BPFError) -> BPFObject {
    let embedded = embedded_windows()
    let object = try BPFObject(
      name: "windows", bytes: UnsafeRawBufferPointer(start: embedded.start, count: embedded.size))
    try Self.configure(object, settings)
    object.setCapacity(of: MAP_WINDOW_EVENTS, to: UInt32(WindowProbes.eventCapacity))
    try Self.share(
      Self.commonMaps + [MAP_UNWIND_TABLES, MAP_CODE, MAP_RULES], of: allocations, with: object)
    Self.choose(
      calibration.linkKind == .session
        ? ["window_call": .session] : ["window_entry": .multi, "window_return": .multi],
      in: object)
    return object
  }

  /// Those that every object has, if it only declares them.
  private static let commonMaps = [
    MAP_BLOCKS, MAP_STACKS, MAP_SITES, MAP_PROCESSES, MAP_CONTROL, MAP_TARGETS,
    MAP_FREE_PROCESSES, MAP_THREADS, MAP_EVENTS,
  ]

  /// Makes another object use the same tables; it would get its own.
  private static func share(
    _ maps: [String], of owner: borrowing BPFObject, with object: borrowing BPFObject
  ) throws(BPFError) {
    for map in maps { try object.shareMap(owner.map(map)) }
  }

  private static func lifecycleObject(
    _ settings: ProbeSettings, sharing other: borrowing BPFObject
  ) throws(BPFError) -> BPFObject {
    let embedded = embedded_lifecycle()
    let object = try BPFObject(
      name: "lifecycle",
      bytes: UnsafeRawBufferPointer(start: embedded.start, count: embedded.size))
    try configure(object, settings)
    try share(commonMaps, of: other, with: object)
    return object
  }

  static func configure(
    _ object: borrowing BPFObject, _ settings: ProbeSettings
  ) throws(BPFError) {
    let buckets = settings.blockBucketCount
    let stackBuckets = settings.stackBucketCount
    object.setCapacity(of: MAP_BLOCKS, to: buckets)
    object.setCapacity(of: MAP_STACKS, to: stackBuckets)
    object.setCapacity(of: MAP_SITES, to: stackBuckets * UInt32(STACK_BUCKET_SLOTS) + 1)
    object.setCapacity(of: MAP_PROCESSES, to: UInt32(settings.maximumProcesses) + 1)
    // Children of ours and of parents in one address space take no process id.
    object.setCapacity(of: MAP_TARGETS, to: UInt32(settings.maximumProcesses) + 1024)
    object.setCapacity(of: MAP_FREE_PROCESSES, to: UInt32(settings.maximumProcesses))
    object.setCapacity(of: MAP_EVENTS, to: UInt32(settings.eventRingByteCount))
    object.setCapacity(of: MAP_UNWIND_TABLES, to: UInt32(settings.maximumUnwindTables))
    object.setCapacity(of: MAP_CODE, to: UInt32(settings.maximumCodeMappings))
    try object.setReadOnlyData(
      probe_settings(
        block_bucket_count: buckets, stack_bucket_count: stackBuckets,
        process_capacity: UInt32(settings.maximumProcesses) + 1,
        follow_children: settings.followsChildren ? 1 : 0, minimum_size: settings.minimumSize,
        keeps_rules: settings.keepsUnwindRules ? 1 : 0, scope: settings.scope.kind.rawValue,
        only_allocation: settings.onlyAllocation, cgroup: settings.scope.cgroup.id,
        cgroup_level: settings.scope.cgroup.level,
        stack_limit: UInt32(clamping: settings.maximumStacksPerProcess),
        block_limit: UInt64(settings.maximumBlocksPerProcess)))
  }
}

// MARK: - Links

extension ProbeSession {
  /// Probes the functions of a file.
  ///
  /// - Parameter pid: only in this process, which spares all others the cost; nil for all.
  package func attach(_ file: AllocatorFile, pid: Int32?) throws(BPFError) {
    func targets(_ kind: ProbedFunction.Return) -> [UprobeTarget] {
      file.entries { $0.return == kind }
    }
    let returning = targets(.probed)
    // Returns before their entries: a call must not be entered whose return would be missed.
    let others = targets(.ignored) + file.returnInstructions() + targets(.byInstruction)
    do {
      // What gives memory back comes first: a block whose free is not probed yet would stay live for ever.
      if let links = try entryLinks(others, path: file.held.path, pid: pid) {
        allocatorLinks.append(links)
      }
      switch calibration.linkKind {
      case .session:
        allocatorLinks.append(
          try LinkSet.attaching(
            .session, object: allocations, entryProgram: "allocation_call", path: file.held.path,
            targets: returning, pid: pid))
      case .multi, .perf:
        allocatorLinks.append(
          try LinkSet.attaching(
            calibration.linkKind, object: allocations, entryProgram: "allocation_entry",
            returnProgram: "allocation_return", path: file.held.path, targets: returning,
            returnTargets: returning, pid: pid))
      }
    } catch {
      throw BPFError(
        attempt: "attach to malloc and \(file.probes.count - 1) more functions in \(file.name)",
        code: error.code, log: error.log)
    }
  }

  /// Probes functions whose returns don't matter: without a session's half that asks for none, they cost less.
  private func entryLinks(
    _ entries: [UprobeTarget], path: String, pid: Int32?
  ) throws(BPFError) -> LinkSet? {
    guard !entries.isEmpty else { return nil }
    let kind = calibration.linkKind == .session ? UprobeLinkKind.multi : calibration.linkKind
    return try LinkSet.attaching(
      kind, object: allocations, entryProgram: "allocation_entry", path: path, targets: entries,
      pid: pid)
  }

  /// Makes dynamic loaders say when they load and close libraries, and C++ runtimes when they throw.
  package func attach(loadersOf files: ProbedFiles, pid: Int32?) throws(BPFError) {
    for notice in files.notices {
      let target = UprobeTarget(fileOffset: notice.fileOffset, cookie: notice.cookie)
      if let links = try entryLinks([target], path: notice.held.path, pid: pid) {
        noticeLinks.append(links)
      }
    }
  }

  /// Removes all probes; the tables stay readable.
  package func detach() {
    LinkSet.close(allocatorLinks + noticeLinks)
    allocatorLinks = []
    noticeLinks = []
  }

  /// Removes the probes of allocators: nothing is counted from now on. Processes are still followed.
  package func detachAllocators() {
    LinkSet.close(allocatorLinks)
    allocatorLinks = []
  }
}

// MARK: - Code of the observed processes

extension ProbeSession {
  /// The unwind table of a file, if it is loaded.
  package func unwindTable(of file: FileIdentity) -> UnwindTableSlot? { code.table(of: file) }

  /// Loads the unwind table of a file for all processes that map it, until none does any more.
  package func load(_ table: UnwindTable, of file: FileIdentity) throws(BPFError) -> UnwindTableSlot
  {
    try code.load(table, of: file)
  }

  /// The generation of a process's code: to be asked for before its mappings are read.
  package func beginReadingCode(of process: ProcessSlot) -> UInt32 {
    code.beginReading(process.rawValue)
  }

  /// At least so many stacks that end in unknown code are to be handed over. Those that end in libraries that were
  /// just loaded always are.
  package func allowDeferrals(_ count: Int32 = 64, of process: ProcessSlot) {
    code.allowDeferrals(count, of: process.rawValue)
  }

  /// Replaces what the kernel programs know of a process's code.
  package func publishCode(
    _ regions: [CodeRegion], of process: ProcessSlot, generation: UInt32
  ) throws(BPFError) {
    try code.publish(regions, of: process.rawValue, generation: generation)
  }

  /// Unwind tables are kept back from now on, so that many are inserted at once.
  package func holdTables() { code.holdsTables = true }

  /// Inserts those that were kept back. Without room walks end in unknown code, which is said of each stack.
  package func insertHeldTables() {
    code.holdsTables = false
    try? code.insertWaitingTables()
  }

  /// Time has passed: what no kernel program can be reading any more is given out again. To be called now and then,
  /// with time for running programs to end in between.
  package func retireCode() { code.retire() }

  /// Raises the generation of a process's code: the same addresses are other code from now on.
  package func raiseCodeGeneration(of process: ProcessSlot) {
    code.raiseGeneration(of: process.rawValue)
  }
}

// MARK: - Events

extension ProbeSession {
  /// Each is readable when there are events.
  package var eventDescriptors: [Int32] { [events, processEvents].compactMap { $0?.descriptor } }

  /// Events that are taken from each ring at a time.
  private static let eventBatch = 4096

  /// Events since the last call, in the order in which they happened: some of them, if there are very many.
  ///
  /// A process is told of before its first stack, and its end after its last one, unless there were.
  package func takeEvents() -> [ProbeEvent] {
    // What happens between looking at one ring and at the other waits for the next call.
    let now = SystemClock.monotonicNanoseconds
    processEvents?.drain(limit: Self.eventBatch)
    events?.drain(limit: Self.eventBatch)
    return inbox.take(until: now)
  }

  /// Records of the ring buffer that could not be decoded.
  var malformedEventCount: Int { inbox.malformedCount }
}

extension ProbeScope {
  fileprivate var kind: probe_scope {
    switch self {
    case .named: SCOPE_NAMED
    case .everything: SCOPE_ALL
    case .cgroup: SCOPE_CGROUP
    case .programs: SCOPE_PROGRAMS
    }
  }

  fileprivate var cgroup: (id: UInt64, level: UInt32) {
    if case .cgroup(let id, let level) = self { (id, level) } else { (0, 0) }
  }
}

/// Keeps a tracepoint's link in an array.
private final class LifecycleLink {
  let link: BPFLink
  init(_ link: consuming BPFLink) { self.link = link }
}

/// Where the ring buffer's records wait to be taken.
private final class EventInbox {
  private var events: [(time: UInt64, event: ProbeEvent)] = []
  private(set) var malformedCount = 0

  func receive(_ record: UnsafeRawBufferPointer) {
    if let event = ProbeEvent(record.bytes), let time = ProbeEvent.time(of: record.bytes) {
      events.append((time, event))
    } else {
      malformedCount += 1
    }
  }

  /// Those that happened up to a time, CLOCK_MONOTONIC in nanoseconds, ordered by it.
  func take(until limit: UInt64) -> [ProbeEvent] {
    // Sorting keeps the order of what happened at the same time, and each ring's own is nearly sorted.
    events.sort { $0.time < $1.time }
    let count = events.firstIndex { $0.time > limit } ?? events.count
    defer { events.removeFirst(count) }
    return events[..<count].map(\.event)
  }
}
