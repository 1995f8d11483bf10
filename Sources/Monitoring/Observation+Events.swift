import AllocationModel
import AllocationProbes
import Glibc
import Processes

// MARK: - Events

extension Observation {
  static let ownPid = getpid()

  /// Processes that may have ended before their counters are read and their numbers given back.
  private static let endedBatch = 256
  /// Named targets that have ended keep theirs, so that everything about them can be shown; up to so many.
  private static let keptEndedLimit = 1024

  /// Each is readable when `handleEvents` should be called.
  package var eventDescriptors: [Int32] { session.eventDescriptors }

  /// Handles what the kernel programs have handed over: new stacks are named while their process is there.
  package func handleEvents() {
    handleNewEvents()
    if scope.probeScope != .named, ended.count >= Self.endedBatch { finishEnded() }
  }

  func handleNewEvents() {
    var refreshed: Set<ProcessSlot> = []
    var reread: Set<ProcessSlot> = []
    let events = session.takeEvents()
    takeMappingRecords()
    for event in events {
      switch event {
      case .stack(let stack): learn(stack, refreshed: &reread)
      case .deferredStack(let stack): learn(stack, refreshed: &refreshed, reread: &reread)
      case .mapping(let mapping): processes[mapping.process]?.apply(mapping)
      case .exec(let slot, let previous, let identity, let name):
        beginProgram(slot, previous, identity, name)
      case .fork(let slot, let parent, let identity, let name):
        beginChild(slot, of: parent, identity, name)
      case .exit(let slot, _, let departure): note(departure, of: slot)
      case .program(let program, let pid): choose(program, pid: pid)
      case .code(let slot): refreshMappings(of: slot)
      }
    }
    // Processes that are not targets map code as well.
    recordsByPid = recordsByPid.filter { pid, _ in
      slotsByPid[pid].flatMap { processes[$0] }.map { !$0.hasExited } ?? false
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
    processes[stack.process]?.learn(stack, stacks)
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

  /// Takes the records of mappings that processes have made, before they find no room.
  package func takeMappingRecords() {
    guard let recorder else { return }
    for record in recorder.take() { recordsByPid[record.pid, default: []].append(record) }
  }

  /// exec wipes: what the process was before is not shown any more.
  private func beginProgram(
    _ slot: ProcessSlot, _ previous: ProcessSlot?, _ identity: ProcessIdentity, _ name: String
  ) {
    if let previous, processes[previous]?.identity.pid == identity.pid {
      // Not so for a vfork child, which counted as its parent until now.
      note(.leftScope, of: previous)
      processes[previous]?.isReplaced = true
    }
    census.noteChange(of: identity.pid)
    processes[slot] = ObservedProcess(
      slot: slot, identity: identity, name: name, isFromStart: true, modules: modules)
    slotsByPid[identity.pid] = slot
    guard scope.probeScope == .named || !excludedNames.contains(name) else {
      session.endCounting(slot, pid: identity.pid)
      note(.leftScope, of: slot)
      processes[slot]?.isReplaced = true
      return
    }
    readCode(of: slot)
    attachToLateFiles(of: slot)
  }

  /// The child has its parent's code, and may be gone already.
  private func beginChild(
    _ slot: ProcessSlot, of parent: ProcessSlot?, _ identity: ProcessIdentity, _ name: String
  ) {
    if let parent = parent.flatMap({ processes[$0] }) {
      processes[slot] = ObservedProcess(
        slot: slot, identity: identity, name: name, forkedFrom: parent)
    } else {
      processes[slot] = ObservedProcess(
        slot: slot, identity: identity, name: name, isFromStart: false, modules: modules)
    }
    slotsByPid[identity.pid] = slot
    readCode(of: slot)
  }

  /// A program was started that nobody was asked about before.
  private func choose(_ program: ProbeEvent.Program, pid: Int32) {
    let executable = (try? ProcessDirectory(pid: pid).executablePath()) ?? nil
    let isObserved = scope.names(program.name, executable: executable)
    // Of one that is gone already nothing is known but its name.
    if executable != nil || isObserved { session.choose(program, isObserved: isObserved) }
    guard isObserved, slotsByPid[pid].flatMap({ processes[$0] })?.hasExited ?? true else { return }
    attachQuietly(pid)
    try? addTarget(pid: pid, isFromStart: false)
  }
}

// MARK: - Processes that have ended

/// The last figures of processes whose counters the kernel programs have no more, until they are folded.
struct FinishedProcesses {
  /// Sites of one process that are kept: those that hold most.
  private static let siteLimit = 20

  private(set) var targets: [TargetSnapshot] = []
  private(set) var sites: [SiteReading] = []
  private(set) var mappings: [SiteReading] = []

  mutating func add(_ target: TargetSnapshot, sites: [SiteReading], mappings: [SiteReading]) {
    targets.append(target)
    self.sites += Self.largest(sites)
    self.mappings += Self.largest(mappings)
  }

  /// Stacks of one site are added up first: the first few calls of a program are handed over one by one.
  private static func largest(_ readings: [SiteReading]) -> ArraySlice<SiteReading> {
    var sums: [SiteID: SiteReading] = [:]
    for reading in readings {
      if sums[reading.id] == nil {
        sums[reading.id] = reading
      } else {
        sums[reading.id]?.add(reading)
      }
    }
    return sums.values.sorted { $0.counters.liveBytes > $1.counters.liveBytes }
      .prefix(siteLimit)
  }
}

extension Observation {
  /// Reads the last counters of what has ended and gives the room back.
  ///
  /// - Parameter isModeEnding: figures of another kind follow, among which nothing may be kept.
  func finishEnded(isModeEnding: Bool = false) {
    let keep = scope.probeScope == .named && !isModeEnding ? Self.keptEndedLimit : 0
    var gone: Set<ProcessSlot> = []
    // What called exec is not shown, so nothing of it has to be kept.
    for slot in ended where processes[slot]?.isReplaced ?? true { gone.insert(slot) }
    let others = ended.filter { !gone.contains($0) }
    let final = others.prefix(max(0, others.count - keep))
    if !final.isEmpty {
      let counters = isWindowed ? [:] : countersByProcess(of: Set(final))
      for slot in final {
        noteVisibility(of: slot)
        guard let process = processes[slot] else { continue }
        let counted = counters[slot] ?? (AllocationCounters(), [])
        let row = row(of: process, counted: counted.total)
        finished.add(
          row.target,
          sites: row.sites + counted.sites.map { siteReading($0, of: process, oldest: nil) },
          mappings: mappingReadings(of: process))
        finishedCount += 1
      }
      gone.formUnion(final)
    }
    ended.removeAll { gone.contains($0) }
    for slot in gone { forget(slot) }
    session.removeProcesses(gone)
  }

  private func countersByProcess(
    of slots: Set<ProcessSlot>
  ) -> [ProcessSlot: (total: AllocationCounters, sites: [StackCounters])] {
    var result: [ProcessSlot: (total: AllocationCounters, sites: [StackCounters])] = [:]
    for stack in session.readStacks() where slots.contains(stack.process) {
      result[stack.process, default: (AllocationCounters(), [])].total += stack.counters
      guard stack.counters.allocatedBlocks > 0 else { continue }
      result[stack.process]?.sites.append(stack)
    }
    return result
  }

  private func forget(_ slot: ProcessSlot) {
    guard let process = processes.removeValue(forKey: slot) else { return }
    lostBefore = lostBefore + losses(of: slot, process)
    budgeted?.flows[slot] = nil
    budgeted?.calls[slot] = nil
    budgeted?.processors[slot] = nil
    budgeted?.costs.forget(slot)
    let pid = process.identity.pid
    if slotsByPid[pid] == slot { slotsByPid[pid] = nil }
  }
}
