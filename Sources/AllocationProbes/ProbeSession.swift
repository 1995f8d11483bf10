package import AllocationModel
package import BPFRuntime
package import Executables
import Glibc
import ProbeABI
package import Processes

/// The kernel programs and their tables for as long as something is observed.
///
/// When it goes away, or this process dies in whatever way, the kernel removes every probe.
package final class ProbeSession {
  package let settings: ProbeSettings
  package let calibration: ProbeCalibration

  private let allocations: BPFObject
  private let lifecycle: BPFObject
  private let stackTable: MappedArray
  private let siteRecords: MappedArray
  private let processRecords: MappedArray
  private let control: MappedArray
  private let blocks: BlockTableReader
  private let targets: BPFMap
  private let code: CodeMaps
  private var events: RingBuffer?
  private let inbox = EventInbox()
  private var linkSets: [LinkSet] = []
  private var lifecycleLinks: [LifecycleLink] = []
  private var endedProcesses: Set<UInt32> = []

  /// Measures the kernel's probes, loads the programs and begins to follow forks, execs and exits.
  package init(_ settings: ProbeSettings) throws(BPFError) {
    self.settings = settings
    calibration = try ProbeCalibration.measure(forbidding: settings.forbiddenLinkKinds)
    allocations = try Self.allocationObject(settings, linkKind: calibration.linkKind)
    try allocations.load()
    lifecycle = try Self.lifecycleObject(settings, sharing: allocations)
    try lifecycle.load()

    stackTable = try MappedArray(allocations.map(MAP_STACKS))
    siteRecords = try MappedArray(allocations.map(MAP_SITES))
    processRecords = try MappedArray(allocations.map(MAP_PROCESSES), writable: true)
    control = try MappedArray(allocations.map(MAP_CONTROL), writable: true)
    blocks = BlockTableReader(try MappedArray(allocations.map(MAP_BLOCKS), writable: true))
    targets = try allocations.map(MAP_TARGETS)
    code = CodeMaps(
      tables: try allocations.map(MAP_UNWIND_TABLES),
      mappings: try MappedArray(allocations.map(MAP_CODE), writable: true),
      processes: try MappedArray(allocations.map(MAP_PROCESSES), writable: true))
    events = try RingBuffer(allocations.map(MAP_EVENTS)) { [inbox] in inbox.receive($0) }
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
    let kinds: [String: UprobeLinkKind] =
      linkKind == .session
      ? ["allocation_call": .session, "allocation_entry": .multi]
      : ["allocation_entry": linkKind, "allocation_return": linkKind]
    for program in ["allocation_call", "allocation_entry", "allocation_return"] {
      if let kind = kinds[program] {
        object.setProgramType(program, to: .uprobe(expectedAttachType: kind.expectedAttachType))
      } else {
        object.omitProgram(program)
      }
    }
    return object
  }

  private static func lifecycleObject(
    _ settings: ProbeSettings, sharing other: borrowing BPFObject
  ) throws(BPFError) -> BPFObject {
    let embedded = embedded_lifecycle()
    let object = try BPFObject(
      name: "lifecycle",
      bytes: UnsafeRawBufferPointer(start: embedded.start, count: embedded.size))
    try configure(object, settings)
    // Also those that it only declares, or it would get tables of its own.
    for map in [
      MAP_BLOCKS, MAP_STACKS, MAP_SITES, MAP_PROCESSES, MAP_CONTROL, MAP_TARGETS, MAP_EVENTS,
    ] {
      try object.shareMap(other.map(map))
    }
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
    object.setCapacity(of: MAP_TARGETS, to: UInt32(settings.maximumProcesses))
    object.setCapacity(of: MAP_UNWIND_TABLES, to: UInt32(settings.maximumUnwindTables))
    object.setCapacity(of: MAP_CODE, to: UInt32(settings.maximumCodeMappings))
    try object.setReadOnlyData(
      probe_settings(
        block_bucket_count: buckets, stack_bucket_count: stackBuckets,
        process_capacity: UInt32(settings.maximumProcesses) + 1,
        follow_children: settings.followsChildren ? 1 : 0, minimum_size: settings.minimumSize,
        keeps_rules: settings.keepsUnwindRules ? 1 : 0, reserved: 0,
        only_allocation: settings.onlyAllocation))
  }
}

// MARK: - What is observed

extension ProbeSession {
  /// Gives a process its number. It is no target yet: see `beginCounting`.
  package func addProcess(pid: Int32) throws(BPFError) -> ProcessSlot {
    let place = control.mutableBytes(at: 0)
    // Only this thread and the lifecycle programs give out ids; theirs can't run for a process that is no
    // target yet, but may for another one, so the next free id is claimed before it is used.
    let slot = place.load(fromByteOffset: 8, as: UInt32.self) + 1
    guard Int(slot) < processRecords.count else {
      throw BPFError(attempt: "observe one more process", code: ENOSPC)
    }
    place.storeBytes(of: slot, toByteOffset: 8, as: UInt32.self)
    var record = process_record()
    record.tgid = UInt32(bitPattern: pid)
    processRecords.mutableBytes(at: Int(slot)).storeBytes(of: record, as: process_record.self)
    return ProcessSlot(rawValue: slot)
  }

  /// Makes a process a target: what it does counts from now on, once a file it maps is attached to.
  ///
  /// Its code should be published by then, or its first stacks are cut short.
  package func beginCounting(_ process: ProcessSlot, pid: Int32) throws(BPFError) {
    try targets.update(key: UInt32(bitPattern: pid), value: process.rawValue)
    let place = control.mutableBytes(at: 0)
    let epoch = place.load(as: UInt64.self)
    place.storeBytes(of: epoch + 1, as: UInt64.self)
  }

  /// Probes the functions of a file.
  ///
  /// - Parameter pid: only in this process, which spares all others the cost; nil for all.
  package func attach(_ file: AllocatorFile, pid: Int32?) throws(BPFError) {
    func targets(_ kind: ProbedFunction.Return) -> [UprobeTarget] {
      file.probes.filter { $0.function.return == kind }.map {
        UprobeTarget(fileOffset: $0.fileOffset, cookie: $0.function.cookie)
      }
    }
    let returning = targets(.probed)
    let returnInstructions = Set(file.probes.flatMap(\.returnOffsets)).sorted().map {
      UprobeTarget(fileOffset: $0, cookie: UInt64(CALL_RETURN.rawValue))
    }
    // Returns before their entries: a call must not be entered whose return would be missed.
    let others = targets(.ignored) + returnInstructions + targets(.byInstruction)
    do {
      // What gives memory back comes first: a block whose free is not probed yet would stay live for ever.
      try attach(entries: others, path: file.attachPath, pid: pid)
      switch calibration.linkKind {
      case .session:
        linkSets.append(
          try LinkSet.attaching(
            .session, object: allocations, entryProgram: "allocation_call", path: file.attachPath,
            targets: returning, pid: pid))
      case .multi, .perf:
        linkSets.append(
          try LinkSet.attaching(
            calibration.linkKind, object: allocations, entryProgram: "allocation_entry",
            returnProgram: "allocation_return", path: file.attachPath, targets: returning,
            returnTargets: returning, pid: pid))
      }
    } catch {
      throw BPFError(
        attempt: "attach to malloc and \(file.probes.count - 1) more functions in \(file.name)",
        code: error.code, log: error.log)
    }
  }

  /// Probes functions whose returns don't matter: without a session's half that asks for none, they cost less.
  private func attach(entries: [UprobeTarget], path: String, pid: Int32?) throws(BPFError) {
    guard !entries.isEmpty else { return }
    let kind = calibration.linkKind == .session ? UprobeLinkKind.multi : calibration.linkKind
    linkSets.append(
      try LinkSet.attaching(
        kind, object: allocations, entryProgram: "allocation_entry", path: path, targets: entries,
        pid: pid))
  }

  /// Makes dynamic loaders say when they load and close libraries, and C++ runtimes when they throw.
  package func attach(loadersOf files: ProbedFiles, pid: Int32?) throws(BPFError) {
    for notice in files.notices {
      let target = UprobeTarget(fileOffset: notice.fileOffset, cookie: notice.cookie)
      try attach(entries: [target], path: notice.attachPath, pid: pid)
    }
  }

  /// Removes all probes; the tables stay readable.
  package func detach() {
    linkSets = []
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

  /// Raises the generation of a process's code: the same addresses are other code from now on.
  package func raiseCodeGeneration(of process: ProcessSlot) {
    code.raiseGeneration(of: process.rawValue)
  }
}

// MARK: - What was counted

extension ProbeSession {
  /// Readable when there are events.
  package var eventDescriptor: Int32 { events?.descriptor ?? -1 }

  /// All events since the last call, in the order in which they happened.
  package func takeEvents() -> [ProbeEvent] {
    events?.drain()
    let taken = inbox.take()
    for case .exit(let process, _) in taken { endedProcesses.insert(process.rawValue) }
    for case .exec(_, let previous, let pid, _) in taken
    where threadGroup(of: previous) == pid { endedProcesses.insert(previous.rawValue) }
    return taken
  }

  /// A vfork child counts as its parent until it calls exec, and the parent goes on.
  private func threadGroup(of process: ProcessSlot) -> Int32 {
    processRecords.load(Int(process.rawValue), as: process_record.self).tgid.asProcessID
  }

  /// The process was found to have ended without an event that says so.
  package func noteEnded(_ process: ProcessSlot) {
    endedProcesses.insert(process.rawValue)
  }

  /// Records of the ring buffer that could not be decoded.
  package var malformedEventCount: Int { inbox.malformedCount }

  /// The counters of every stack that was ever seen.
  package func readStacks() -> [StackCounters] {
    var result: [StackCounters] = []
    let slots = STACK_BUCKET_SLOTS
    for bucket in 0..<stackTable.count {
      let hashes = stackTable.bytes(at: bucket)
      for slot in 0..<slots where hashes.load(fromByteOffset: 8 * slot, as: UInt64.self) != 0 {
        let index = bucket * slots + slot + 1
        let record = siteRecords.bytes(at: index)
        let process = record.load(fromByteOffset: SiteLayout.process, as: UInt32.self)
        guard process != 0 else { continue }
        // Freed first: a free is counted after its allocation, so the difference can't fall below zero.
        let freedBytes = record.load(fromByteOffset: SiteLayout.freedBytes, as: UInt64.self)
        let freedBlocks = Self.sum(record + SiteLayout.freedByAge, count: AGE_BUCKETS)
        result.append(
          StackCounters(
            stack: StackSlot(rawValue: UInt32(index)), process: ProcessSlot(rawValue: process),
            counters: AllocationCounters(
              allocatedBytes: record.load(
                fromByteOffset: SiteLayout.allocatedBytes, as: UInt64.self),
              allocatedBlocks: Self.sum(record + SiteLayout.allocatedBySize, count: SIZE_BUCKETS),
              freedBytes: freedBytes, freedBlocks: freedBlocks)))
      }
    }
    return result
  }

  /// Offsets in struct site_record.
  private enum SiteLayout {
    static let allocatedBytes = MemoryLayout<site_record>.offset(of: \.allocated_bytes) ?? 0
    static let freedBytes = MemoryLayout<site_record>.offset(of: \.freed_bytes) ?? 0
    static let process = MemoryLayout<site_record>.offset(of: \.process) ?? 0
    static let freedByAge = MemoryLayout<site_record>.offset(of: \.freed_by_age) ?? 0
    static let allocatedBySize = MemoryLayout<site_record>.offset(of: \.allocated_by_size) ?? 0
  }

  private static func sum(_ histogram: UnsafeRawPointer, count: Int) -> UInt64 {
    var sum: UInt64 = 0
    for bucket in 0..<count { sum &+= histogram.load(fromByteOffset: 8 * bucket, as: UInt64.self) }
    return sum
  }

  package func readProcess(_ process: ProcessSlot) -> ProcessCounters {
    ProcessCounters(processRecords.load(Int(process.rawValue), as: process_record.self))
  }

  /// Losses that belong to no process: the thread could not even be told.
  package func readUnattributedLosses() -> LossCounts {
    ProcessCounters(processRecords.load(0, as: process_record.self)).lost
  }

  /// Sums the live blocks of all processes by stack: reads the whole block table, some 10 ms per million blocks
  /// of room.
  package func readLiveBlocks() -> [StackSlot: LiveBlocks] {
    // Without the time there are no ages; loading has shown that the program runs.
    guard let now = try? lifecycle.run("read_ticks") else { return [:] }
    return blocks.liveBlocks(stackCapacity: siteRecords.count, now: now)
  }

  /// Frees the room that blocks of ended processes take. Returns how many there were.
  @discardableResult
  package func removeBlocksOfEndedProcesses() -> Int {
    code.retire()
    guard !endedProcesses.isEmpty else { return 0 }
    defer { endedProcesses = [] }
    for process in endedProcesses { code.forget(process) }
    return blocks.removeBlocks(of: endedProcesses)
  }
}

extension UInt32 {
  fileprivate var asProcessID: Int32 { Int32(bitPattern: self) }
}

/// Keeps a tracepoint's link in an array.
private final class LifecycleLink {
  let link: BPFLink
  init(_ link: consuming BPFLink) { self.link = link }
}

/// Where the ring buffer's records wait to be taken.
private final class EventInbox {
  private var events: [ProbeEvent] = []
  private(set) var malformedCount = 0

  func receive(_ record: UnsafeRawBufferPointer) {
    if let event = ProbeEvent(record.bytes) {
      events.append(event)
    } else {
      malformedCount += 1
    }
  }

  func take() -> [ProbeEvent] {
    defer { events = [] }
    return events
  }
}
