import AllocationModel
import AllocationProbes
import BPFRuntime
import Executables
import Processes

// MARK: - Making processes targets

extension Observation {
  /// Attaches to what is running in the scope now, and makes it targets.
  ///
  /// - Throws: in a scope of named processes, if one of them can't be observed: `ObservationError`, `BPFError`,
  ///   `ProcessError`. In wider ones what can't be observed is said of each process.
  package func begin() throws {
    if case .processes(let pids) = scope {
      // All functions begin to count together: a block must not be seen born and not be seen freed.
      for pid in pids {
        _ = try attachToNewFiles(of: pid)
        guard hasAllocator(pid) else { throw TargetCheck.noAllocator(pid: pid) }
      }
      for pid in pids { try addTarget(pid: pid, isFromStart: false) }
    } else {
      addRunning()
    }
  }

  /// Makes a process a target. Nothing is counted before its allocator is attached to.
  package func addTarget(pid: Int32, isFromStart: Bool) throws {
    let status = try ProcessDirectory(pid: pid).status()
    let slot = try prepare(
      status.identity, name: status.name, isFromStart: isFromStart,
      anonymousBytes: status.residentAnonymousBytes)
    _ = try session.beginCounting(slot, pid: pid)
  }

  /// Makes everything that runs in the scope a target, which isn't yet.
  func addRunning() {
    let wanted = census.take(scope.candidatePids).filter { row in
      slotsByPid[row.identity.pid] == nil && scope.names(row.name, executable: row.executable)
        && !isOwn(row) && !excludedNames.contains(row.name)
    }
    for row in wanted { attachQuietly(row.identity.pid) }
    session.holdTables()
    var prepared: [(ProcessSlot, Int32)] = []
    for row in wanted {
      let pid = row.identity.pid
      let slot = try? prepare(
        row.identity, name: row.name, isFromStart: false, anonymousBytes: row.memory.anonymousBytes)
      if let slot { prepared.append((slot, pid)) }
    }
    session.insertHeldTables()
    for (slot, pid) in prepared {
      let isCounted = (try? session.beginCounting(slot, pid: pid)) ?? false
      // It may have called exec or been forked meanwhile, and then the kernel programs have told of it.
      if !isCounted { drop(slot, pid: pid) }
    }
  }

  /// Takes over a process that the kernel programs have made a target.
  func adopt(_ slot: ProcessSlot, _ row: ProcessCensus.Row) {
    processes[slot] = ObservedProcess(
      slot: slot, identity: row.identity, name: row.name, isFromStart: false, modules: modules)
    processes[slot]?.census = row
    slotsByPid[row.identity.pid] = slot
    refreshMappings(of: slot)
  }

  /// heaptap never observes itself, nor the processes that work for it.
  func isOwn(_ row: ProcessCensus.Row) -> Bool {
    row.identity.pid == Self.ownPid || row.parent == Self.ownPid
  }

  private func prepare(
    _ identity: ProcessIdentity, name: String, isFromStart: Bool, anonymousBytes: UInt64?
  ) throws(BPFError) -> ProcessSlot {
    let slot = try session.addProcess(pid: identity.pid)
    var process = ObservedProcess(
      slot: slot, identity: identity, name: name, isFromStart: isFromStart, modules: modules)
    process.anonymousBytesAtStart = isFromStart ? nil : anonymousBytes
    processes[slot] = process
    slotsByPid[identity.pid] = slot
    readCode(of: slot)
    return slot
  }

  private func drop(_ slot: ProcessSlot, pid: Int32) {
    processes[slot] = nil
    if slotsByPid[pid] == slot { slotsByPid[pid] = nil }
  }
}

// MARK: - Files

extension Observation {
  /// Attaches to the allocator files that a target maps and that are not attached to yet.
  ///
  /// - Returns: how many there were.
  @discardableResult
  package func attachToNewFiles(of pid: Int32) throws -> Int {
    let isSeparate =
      !session.settings.isHostWide && scope.namedPids.count <= TargetScope.separateProbeLimit
    // Then each has probes of its own in the files that they share.
    let owner = isSeparate ? pid : nil
    let files = try newFiles(of: pid, for: owner)
    // Loaders first: what they load later has probes of its own.
    try session.attach(loadersOf: files, pid: owner)
    for file in files.allocators { try attach(file, for: owner) }
    return files.allocators.count
  }

  /// Where many processes are observed, one file that can't be probed leaves the others.
  @discardableResult
  func attachQuietly(_ pid: Int32) -> Int {
    guard let files = try? newFiles(of: pid, for: nil) else { return 0 }
    try? session.attach(loadersOf: files, pid: nil)
    var count = 0
    for file in files.allocators {
      do {
        try attach(file, for: nil)
        count += 1
      } catch {
        refusalsByFile[file.name] = "\(error)"
      }
    }
    return count
  }

  /// Files that were not found before for `owner`: the process that they are attached to for, nil for all.
  private func newFiles(of pid: Int32, for owner: Int32?) throws(ProcessError) -> ProbedFiles {
    try findersByPid[
      owner ?? Self.everyone, default: AllocatorFinder(profile: session.calibration.profile)
    ].newFiles(in: ProcessDirectory(pid: pid))
  }

  private func attach(_ file: AllocatorFile, for owner: Int32?) throws {
    try Self.checkEssentials(of: file)
    // Within a budget it is attached to when the governor says so.
    if !isWindowed { try session.attach(file, pid: owner) }
    attachments.append(WindowRequest.Place(file: file, pid: owner))
    attachedNames.insert(file.name)
  }

  /// Without one of these the balance of allocations and frees would be wrong, not just incomplete.
  private static func checkEssentials(of file: AllocatorFile) throws(ObservationError) {
    let essential: Set<String> = ["malloc", "calloc", "realloc", "free"]
    guard let refusal = file.refusals.first(where: { essential.contains($0.name) }) else { return }
    throw ObservationError(
      .targetUnobservable,
      "cannot probe \(refusal.name) in \(file.name): \(refusal.reason); see heaptap doctor -v")
  }

  private func hasAllocator(_ pid: Int32) -> Bool {
    guard let text = try? ProcessDirectory(pid: pid).mappings() else { return true }
    return knowsAllocator(pid, among: text.mappings)
  }

  private func knowsAllocator(_ pid: Int32, among mappings: [MemoryMapping]) -> Bool {
    (findersByPid[pid] ?? findersByPid[Self.everyone])?.knowsAllocator(among: mappings) ?? false
  }

  /// A library that was loaded later, or the program after exec, may bring another allocator. What it did before
  /// is not seen, and failing to attach leaves the ones that are known.
  func attachToLateFiles(of slot: ProcessSlot) {
    guard let process = processes[slot], !isStarting else { return }
    let pid = process.identity.pid
    let count =
      session.settings.isHostWide ? attachQuietly(pid) : (try? attachToNewFiles(of: pid)) ?? 0
    if count > 0 { processes[slot]?.isFromStart = false }
  }
}

// MARK: - Code

extension Observation {
  /// Reads the mappings of a target now, so that stacks can be named when it is gone.
  package func refreshMappings(ofPid pid: Int32) {
    if let slot = slotsByPid[pid] { refreshMappings(of: slot) }
  }

  func refreshMappings(of slot: ProcessSlot) {
    if readCode(of: slot) { attachToLateFiles(of: slot) }
  }

  /// Reads the mappings of a process and publishes its code, if that changed. True: there may be new files.
  @discardableResult
  func readCode(of slot: ProcessSlot) -> Bool {
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
    guard change != .unchanged else { return false }
    processes[slot]?.hasUnknownVisibility = true
    session.allowDeferrals(of: slot)
    return true
  }

  /// Finds out what can be seen of a process whose code has changed, once its files were attached to.
  func noteVisibility(of slot: ProcessSlot) {
    guard let process = processes[slot], process.hasUnknownVisibility,
      !process.executableMappings.isEmpty
    else { return }
    processes[slot]?.hasUnknownVisibility = false
    let mappings = process.executableMappings
    let isVisible = knowsAllocator(process.identity.pid, among: mappings)
    processes[slot]?.hasVisibleAllocator = isVisible
    let runtime = runtimes.runtime(
      of: process.directory, mappings: mappings, hasAllocator: isVisible)
    let refusal = mappings.lazy.compactMap { $0.path.flatMap { self.refusalsByFile[$0] } }.first
    processes[slot]?.obstacle = runtime.map { "it \($0.description)" } ?? refusal
  }
}
