import AllocationModel
import AllocationProbes
import Executables
import LinuxSystem
import Processes

/// One incarnation of a target: what is remembered of it between polls, and after it has ended.
struct ObservedProcess {
  /// A stack with its names, kept from when it was first seen.
  struct KnownStack {
    var id: SiteID
    var frames: [Frame]
    var ending: StackEnding
    /// Where each frame's debug information is; nil for frames outside of files.
    var modules: [Module?]
  }

  let slot: ProcessSlot
  let identity: ProcessIdentity
  let directory: ProcessDirectory
  /// Seen from its first instruction.
  var isFromStart: Bool
  var name: String
  var hasExited = false
  var residentBytes: UInt64?
  var residentAnonymousBytes: UInt64?
  let residentAnonymousBytesAtStart: UInt64?
  var stacks: [StackSlot: KnownStack] = [:]
  /// A stack of each site.
  private(set) var stacksBySite: [SiteID: StackSlot] = [:]
  var mappings = MappingLedger<StackSlot>()

  /// The generation of its code that the kernel programs know; nil: none yet.
  var publishedGeneration: UInt32?

  private var symbolizer: Symbolizer
  /// Mapping records that were lost before all mappings were read; nil: they never were.
  private var knownLostRecords: UInt64?
  /// Empty until they could be read.
  private(set) var executableMappings: [MemoryMapping] = []
  /// Everything that was ever in `executableMappings`.
  private var everExecutable: Set<MemoryMapping> = []

  init(
    slot: ProcessSlot, pid: Int32, isFromStart: Bool, modules: ModuleCache
  ) throws(ProcessError) {
    let directory = ProcessDirectory(pid: pid)
    let status = try directory.status()
    self.slot = slot
    self.directory = directory
    self.isFromStart = isFromStart
    identity = status.identity
    name = status.name
    residentBytes = status.residentBytes
    residentAnonymousBytes = status.residentAnonymousBytes
    residentAnonymousBytesAtStart = isFromStart ? nil : status.residentAnonymousBytes
    symbolizer = Symbolizer(pid: pid, cache: modules)
  }

  /// A process that began another program and may have ended already: its stacks then stay without names.
  init(
    slot: ProcessSlot, pid: Int32, name: String, replacing previous: ObservedProcess?,
    modules: ModuleCache
  ) {
    self.slot = slot
    directory = ProcessDirectory(pid: pid)
    isFromStart = true
    let status = try? directory.status()
    let former = previous?.identity.pid == pid ? previous?.identity : nil
    identity = status?.identity ?? former ?? ProcessIdentity(pid: pid, startTicks: 0)
    self.name = name
    residentBytes = status?.residentBytes
    residentAnonymousBytes = status?.residentAnonymousBytes
    residentAnonymousBytesAtStart = nil
    symbolizer = Symbolizer(pid: pid, cache: modules)
  }

  /// A forked child: it begins with its parent's code.
  init(slot: ProcessSlot, pid: Int32, name: String, forkedFrom parent: ObservedProcess) {
    self.slot = slot
    directory = ProcessDirectory(pid: pid)
    isFromStart = true
    let status = try? directory.status()
    identity = status?.identity ?? ProcessIdentity(pid: pid, startTicks: 0)
    self.name = name
    residentBytes = status?.residentBytes
    residentAnonymousBytes = status?.residentAnonymousBytes
    residentAnonymousBytesAtStart = nil
    symbolizer = parent.symbolizer
    executableMappings = parent.executableMappings
    everExecutable = parent.everExecutable
  }

  /// Reads memory sizes; keeps the last known ones when the process is gone. True: it was found to have ended.
  mutating func refreshStatus() -> Bool {
    guard !hasExited else { return false }
    do throws(ProcessError) {
      let status = try directory.status()
      guard status.identity == identity, !status.isZombie || status.threadCount > 1 else {
        hasExited = true
        return true
      }
      name = status.name
      residentBytes = status.residentBytes ?? residentBytes
      residentAnonymousBytes = status.residentAnonymousBytes ?? residentAnonymousBytes
      return false
    } catch {
      hasExited = error.reason == .vanished
      return hasExited
    }
  }

  /// What became of the executable mappings since they were last read.
  enum MappingChange {
    case unchanged
    /// Code was mapped where there was none before, or unmapped: known stacks still mean what they meant.
    case codeAdded
    /// Other code is where some was before: the same addresses are other stacks from now on.
    case codeReplaced
  }

  /// Reads the mappings.
  ///
  /// - Parameter lostRecords: how many were lost, ever, of the records that `apply` gets; nil: there are none.
  mutating func refreshMappings(lostRecords: UInt64?) -> MappingChange {
    guard !hasExited, let text = try? directory.mappings(), !text.mappings.isEmpty else {
      return .unchanged
    }
    mappings.reconcile(with: text.mappings.map { $0.start..<$0.end })
    let executable = text.mappings.filter { $0.permissions.contains(.execute) }
    guard executable != executableMappings else { return .unchanged }
    // Records come in their order in time, so that a stack is named by what was mapped when it was taken.
    if lostRecords == nil || lostRecords != knownLostRecords {
      symbolizer.update(mappings: text.mappings)
      knownLostRecords = lostRecords
    }
    executableMappings = executable
    let replaced = executable.contains { new in
      everExecutable.contains { $0 != new && $0.start < new.end && new.start < $0.end }
    }
    everExecutable.formUnion(executable)
    return replaced ? .codeReplaced : .codeAdded
  }

  /// Whether all addresses lie in code that has a name, if only that of its file.
  func knowsCode(at addresses: [UInt64]) -> Bool {
    addresses.allSatisfy { symbolizer.knowsCode(at: $0 &- 1) }
  }

  /// Takes all mappings as they are now for the names of what is recorded from now on.
  mutating func rereadNames() {
    guard !hasExited, let text = try? directory.mappings(), !text.mappings.isEmpty else { return }
    symbolizer.update(mappings: text.mappings)
  }

  /// Takes over an executable mapping for the names of what is recorded from now on.
  mutating func apply(_ record: MappingRecord) {
    symbolizer.add(record.mapping)
  }

  /// Walks a stack on in code that the kernel programs did not know yet.
  func complete(_ stack: ProbeEvent.DeferredStack, _ tables: UnwindTableCache) -> ProbeEvent.Stack {
    let walker = StackWalker(memory: stack.memory, base: stack.registers.sp)
    let (callers, ending) = walker.callers(
      of: stack.registers, limit: ProbeEvent.Stack.frameLimit - stack.addresses.count + 1
    ) { symbolizer.unwindRule(at: $0, tables) }
    return ProbeEvent.Stack(
      process: stack.process, stack: stack.stack, addresses: stack.addresses + callers,
      // A copy has an end.
      ending: ending == .unreadableStack ? .tooDeep : ending, time: stack.time)
  }

  /// Names a new stack.
  mutating func learn(_ stack: ProbeEvent.Stack) {
    symbolizer.readGeneratedNames(
      for: stack.addresses, at: SystemClock.monotonicNanoseconds)
    let frames = symbolizer.frames(for: stack.addresses, isNamed: false)
    let id = SiteID(stack: frames)
    stacks[stack.stack] = KnownStack(
      id: id, frames: frames, ending: stack.ending,
      modules: symbolizer.modules(for: stack.addresses))
    stacksBySite[id] = stack.stack
  }

  mutating func apply(_ event: ProbeEvent.Mapping) {
    let site = event.isInternal ? nil : event.stack
    switch event.operation {
    case .map(let range): mappings.map(range, site: site)
    case .unmap(let range): mappings.unmap(range)
    case .restore(let range): mappings.restore(range)
    case .move(let old, let new): mappings.move(from: old, to: new)
    case .programBreak(let old, let new):
      mappings.moveProgramBreak(from: old, to: new, site: site)
    }
  }
}
