package import AllocationModel
package import AllocationProbes
package import BPFRuntime
import Executables
import Glibc
import LinuxSystem
import Processes

/// Everything that is observed at one time: attaches, takes events, makes snapshots.
///
/// Used by one thread.
package final class Observation {
  /// What a snapshot is to hold.
  package struct Options: Sendable {
    /// Sites without a live block older than this are left out, seconds; nil: none is.
    package var minimumAge: Double?
    package var order: SnapshotOrder
    /// Sites that are shown with lines and merged calls, from the first on.
    package var namedSiteCount: Int

    package init(
      minimumAge: Double? = nil, order: SnapshotOrder = .growth, namedSiteCount: Int = 10
    ) {
      self.minimumAge = minimumAge
      self.order = order
      self.namedSiteCount = namedSiteCount
    }
  }

  package let session: ProbeSession
  private let options: Options
  private let modules = ModuleCache()
  private let code: CodeRegistry
  /// nil where the kernel doesn't let us record: then mappings are known as they are when they are read.
  private let recorder = try? MappingRecorder()
  /// Executable mappings that targets have made, waiting for their time to come.
  private var recordsByPid: [Int32: [MappingRecord]] = [:]
  private var finder: AllocatorFinder
  private var processes: [ProcessSlot: ObservedProcess] = [:]
  /// By programs that have called exec: what they were is not shown any more, but what they lost is.
  private var lostBefore = LossCounts()
  private var builder: SnapshotBuilder
  private let sources = SourceNaming()
  private let start = SystemClock.monotonicNanoseconds
  /// A command is still in its loader: whoever starts it attaches to its files one by one.
  package var isStarting = false

  package init(_ settings: ProbeSettings, options: Options) throws(BPFError) {
    session = try ProbeSession(settings)
    self.options = options
    code = CodeRegistry(session, store: Self.tableStore)
    finder = AllocatorFinder(profile: session.calibration.profile)
    builder = SnapshotBuilder(settings: SnapshotBuilder.Settings(order: options.order))
  }

  /// Nowhere for a user without a home.
  private static var tableStore: UnwindTableStore? {
    var environment: [String: String] = [:]
    for name in ["HOME", "XDG_CACHE_HOME"] {
      environment[name] = getenv(name).map { String(cString: $0) }
    }
    return UnwindTableStore.standardFolder(
      environment: environment, isRoot: KernelIdentity.isRoot
    ).map { UnwindTableStore(folder: $0) }
  }

  /// Seconds since observation began.
  package var elapsed: Double { Double(SystemClock.monotonicNanoseconds - start) / 1e9 }

  /// Whether every target has ended.
  package var isOver: Bool { !processes.isEmpty && processes.values.allSatisfy(\.hasExited) }

  // MARK: Targets

  /// Makes a process a target. Nothing is counted before `attach`.
  package func addTarget(pid: Int32, isFromStart: Bool) throws {
    let slot = try session.addProcess(pid: pid)
    processes[slot] = try ObservedProcess(
      slot: slot, pid: pid, isFromStart: isFromStart, modules: modules)
    readCode(of: slot)
    try session.beginCounting(slot, pid: pid)
  }

  /// Attaches to the allocator files that a target maps and that are not attached to yet.
  ///
  /// - Returns: how many there were.
  @discardableResult
  package func attachToNewFiles(of pid: Int32) throws -> Int {
    let files = try finder.newFiles(in: ProcessDirectory(pid: pid))
    let scope = session.settings.followsChildren ? nil : pid
    // Loaders first: what they load later has probes of its own.
    try session.attach(loadersOf: files, pid: scope)
    for file in files.allocators {
      try Self.checkEssentials(of: file)
      try session.attach(file, pid: scope)
    }
    return files.allocators.count
  }

  /// Reads the mappings of a target now, so that stacks can be named when it is gone.
  package func refreshMappings(ofPid pid: Int32) {
    for (slot, process) in processes where process.identity.pid == pid { refreshMappings(of: slot) }
  }

  /// The target is known to have ended.
  package func markExited(pid: Int32) {
    for (slot, process) in processes where process.identity.pid == pid {
      processes[slot]?.hasExited = true
    }
  }

  /// Without one of these the balance of allocations and frees would be wrong, not just incomplete.
  private static func checkEssentials(of file: AllocatorFile) throws(ObservationError) {
    let essential: Set<String> = ["malloc", "calloc", "realloc", "free"]
    guard let refusal = file.refusals.first(where: { essential.contains($0.name) }) else { return }
    throw ObservationError(
      .targetUnobservable,
      "cannot probe \(refusal.name) in \(file.name): \(refusal.reason); see heaptap doctor -v")
  }

  /// Removes all probes: targets run untouched from now on.
  package func detach() {
    session.detach()
  }

  // MARK: Events

  package var eventDescriptor: Int32 { session.eventDescriptor }

  /// Handles what the kernel programs have handed over: new stacks are named while their process is there.
  package func handleEvents() {
    var refreshed: Set<ProcessSlot> = []
    var reread: Set<ProcessSlot> = []
    let events = session.takeEvents()
    takeMappingRecords()
    for event in events {
      switch event {
      case .stack(let stack): learn(stack, refreshed: &reread)
      case .deferredStack(let stack): learn(stack, refreshed: &refreshed, reread: &reread)
      case .mapping(let mapping): processes[mapping.process]?.apply(mapping)
      case .exec(let slot, let previous, let pid, let name):
        beginProgram(slot, previous, pid, name)
      case .fork(let slot, let parent, let pid, let name):
        beginChild(slot, of: parent, pid, name)
      case .exit(let slot, _): processes[slot]?.hasExited = true
      case .code(let slot): refreshMappings(of: slot)
      }
    }
  }

  /// Names a stack by what was mapped when it was taken: a library may be closed and another one be loaded in its
  /// place before we come to look.
  private func learn(_ stack: ProbeEvent.Stack, refreshed: inout Set<ProcessSlot>) {
    bringForward(stack.process, to: stack.time)
    // A record may have been lost that nobody has told of yet.
    if processes[stack.process]?.knowsCode(at: stack.addresses) == false,
      refreshed.insert(stack.process).inserted
    {
      processes[stack.process]?.rereadNames()
    }
    processes[stack.process]?.learn(stack)
  }

  /// Walks a stack to its end in code that was too new for the kernel programs, and names it.
  private func learn(
    _ stack: ProbeEvent.DeferredStack, refreshed: inout Set<ProcessSlot>,
    reread: inout Set<ProcessSlot>
  ) {
    // Once per turn: the mappings tell about code that was neither loaded nor recorded.
    if refreshed.insert(stack.process).inserted { refreshMappings(of: stack.process) }
    bringForward(stack.process, to: stack.time)
    guard let whole = processes[stack.process]?.complete(stack, code.tables) else { return }
    if whole.ending != .unknownCode { session.allowDeferrals(of: stack.process) }
    learn(whole, refreshed: &reread)
  }

  /// Makes a process's code for naming what it was at a time.
  private func bringForward(_ slot: ProcessSlot, to time: UInt64) {
    guard let pid = processes[slot]?.identity.pid, let records = recordsByPid[pid] else { return }
    for record in records where record.time <= time { processes[slot]?.apply(record) }
    let later = records.filter { $0.time > time }
    recordsByPid[pid] = later.isEmpty ? nil : later
  }

  /// Each is readable when `takeMappingRecords` should be called.
  package var recordDescriptors: [Int32] { recorder?.descriptors ?? [] }

  /// Takes the records of mappings that targets have made, before they find no room.
  package func takeMappingRecords() {
    guard let recorder else { return }
    let pids = Set(processes.values.lazy.filter { !$0.hasExited }.map(\.identity.pid))
    for record in recorder.take() where pids.contains(record.pid) {
      recordsByPid[record.pid, default: []].append(record)
    }
  }

  private func refreshMappings(of slot: ProcessSlot) {
    if readCode(of: slot) { attachToLateFiles(of: slot) }
  }

  /// Reads the mappings of a process and publishes its code, if that changed. True: there may be new files.
  @discardableResult
  private func readCode(of slot: ProcessSlot) -> Bool {
    guard var process = processes[slot], !process.hasExited else { return false }
    var generation = session.beginReadingCode(of: slot)
    let change = process.refreshMappings(lostRecords: recorder?.lostCount)
    if change == .codeReplaced, generation == process.publishedGeneration {
      // The kernel programs have not seen it: no dynamic loader they know was at work.
      session.raiseCodeGeneration(of: slot)
      generation += 1
    }
    if change != .unchanged || generation != process.publishedGeneration {
      process.publishedGeneration = generation
      code.publish(
        process.executableMappings, of: slot, in: process.directory, generation: generation)
    }
    processes[slot] = process
    if change != .unchanged { session.allowDeferrals(of: slot) }
    return change != .unchanged
  }

  /// A library that was loaded later, or the program after exec, may bring another allocator. What it did before
  /// is not seen, and failing to attach leaves the ones that are known.
  private func attachToLateFiles(of slot: ProcessSlot) {
    guard let process = processes[slot], !isStarting else { return }
    if let count = try? attachToNewFiles(of: process.identity.pid), count > 0 {
      processes[slot]?.isFromStart = false
    }
  }

  /// exec wipes: what the process was before is not shown any more.
  private func beginProgram(
    _ slot: ProcessSlot, _ previous: ProcessSlot, _ pid: Int32, _ name: String
  ) {
    let former = processes[previous]
    // A vfork child counted as its parent until now.
    if former?.identity.pid == pid {
      processes[previous] = nil
      lostBefore = lostBefore + session.readProcess(previous).lost
    }
    processes[slot] = ObservedProcess(
      slot: slot, pid: pid, name: name, replacing: former, modules: modules)
    readCode(of: slot)
    attachToLateFiles(of: slot)
  }

  /// The child has its parent's code, and may be gone already.
  private func beginChild(_ slot: ProcessSlot, of parent: ProcessSlot, _ pid: Int32, _ name: String)
  {
    guard let parent = processes[parent] else { return }
    processes[slot] = ObservedProcess(slot: slot, pid: pid, name: name, forkedFrom: parent)
    readCode(of: slot)
  }

  // MARK: Snapshots

  /// Modules whose debug information turned out to be unreadable since this was asked last, by path.
  package func takeSourceFailures() -> [String: String] { sources.takeFailures() }

  /// Reads all counters and folds them into the picture so far.
  ///
  /// Lines and merged calls that are still to be read are waited for longer if it `isLast`.
  package func takeSnapshot(isLast: Bool = false) -> Snapshot {
    // A stack is handed over before its counters rise, so events taken after the counters name all of them.
    let stacks = session.readStacks()
    handleEvents()
    for slot in processes.keys {
      if processes[slot]?.refreshStatus() == true { session.noteEnded(slot) }
      refreshMappings(of: slot)
      // Code of unknown origin is looked at now and then.
      session.allowDeferrals(1, of: slot)
    }
    // The names of what has ended are known; another process may get its pid.
    let running = Set(processes.values.lazy.filter { !$0.hasExited }.map(\.identity.pid))
    recordsByPid = recordsByPid.filter { running.contains($0.key) }
    let ages = session.readLiveBlocks()
    var reading = Reading(
      unixNanoseconds: SystemClock.unixNanoseconds, elapsed: elapsed,
      lost: session.readUnattributedLosses() + lostBefore)
    var totals: [ProcessSlot: AllocationCounters] = [:]
    for stack in stacks {
      guard let process = processes[stack.process] else { continue }
      totals[stack.process, default: AllocationCounters()] += stack.counters
      guard stack.counters.allocatedBlocks > 0 else { continue }
      reading.sites.append(
        siteReading(stack.stack, of: process, stack.counters, oldest: ages[stack.stack]?.oldest))
    }
    for (slot, process) in processes {
      let counters = session.readProcess(slot)
      reading.lost = reading.lost + counters.lost
      reading.targets.append(target(process, totals[slot] ?? AllocationCounters(), counters))
      for (stack, counters) in process.mappings.countersBySite {
        reading.mappings.append(siteReading(stack, of: process, counters, oldest: nil))
      }
    }
    reading.targets.sort { $0.pid < $1.pid }
    session.removeBlocksOfEndedProcesses()
    var snapshot = builder.fold(reading)
    if let minimum = options.minimumAge {
      snapshot.sites.removeAll { ($0.oldest ?? -1) < minimum }
    }
    sources.name(
      &snapshot, siteCount: options.namedSiteCount, isLast: isLast, processes: processes.values)
    return snapshot
  }

  private func siteReading(
    _ slot: StackSlot, of process: ObservedProcess, _ counters: AllocationCounters, oldest: Double?
  ) -> SiteReading {
    // A stack whose frames have not arrived yet counts, under a site without frames.
    let known = process.stacks[slot]
    return SiteReading(
      id: known?.id ?? SiteID(rawValue: 0), process: process.identity, stack: known?.frames ?? [],
      ending: known?.ending ?? .notReceived, counters: counters, oldest: oldest)
  }

  /// What could not be looked at before it was gone gets the benefit of the doubt.
  private func hasVisibleAllocator(_ process: ObservedProcess) -> Bool {
    let mappings = process.executableMappings
    return mappings.isEmpty || finder.knowsAllocator(among: mappings)
  }

  private func target(
    _ process: ObservedProcess, _ totals: AllocationCounters, _ counters: ProcessCounters
  ) -> TargetSnapshot {
    TargetSnapshot(
      pid: process.identity.pid, startTicks: process.identity.startTicks, name: process.name,
      counters: totals,
      inheritedFrees: counters.inheritedFrees, unknownFrees: counters.unknownFrees,
      failedAllocations: counters.failedCalls, residentBytes: process.residentBytes,
      residentAnonymousBytes: process.residentAnonymousBytes,
      residentAnonymousBytesAtStart: process.residentAnonymousBytesAtStart,
      isFromStart: process.isFromStart, hasExited: process.hasExited,
      hasVisibleAllocator: hasVisibleAllocator(process))
  }
}
