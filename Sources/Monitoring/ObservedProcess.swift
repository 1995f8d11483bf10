import AllocationModel
import AllocationProbes
import Executables
import LinuxSystem
import Processes

/// One incarnation of a target, for as long as the kernel programs count for it.
struct ObservedProcess {
  /// A stack of the process as the kernel programs number it.
  struct NumberedStack {
    var site: SiteID
    var ending: StackEnding
  }

  let slot: ProcessSlot
  let identity: ProcessIdentity
  let directory: ProcessDirectory
  /// Seen from its first instruction.
  var isFromStart: Bool
  var name: String
  /// It maps a file whose allocator is probed; until its mappings could be read it gets the benefit of the doubt.
  var hasVisibleAllocator = true
  /// Its code has changed since that was found out.
  var hasUnknownVisibility = false
  /// Why not all of its allocations are seen, or none; nil where nothing is known to be missing.
  var obstacle: String?
  /// How it ended; nil while it runs.
  var departure: ProbeEvent.Departure?
  /// Kept when it is gone. nil if it never was looked at.
  var census: ProcessCensus.Row?
  /// Resident anonymous bytes when it became a target; nil if it did so at its start.
  var anonymousBytesAtStart: UInt64?
  var windows = OwnWindows()
  /// Lost while probes were being removed, of figures that nobody is shown.
  var lossesOfDetaching = LossCounts()
  private(set) var stacks: [StackSlot: NumberedStack] = [:]
  private(set) var mappings = MappingLedger<StackSlot>()
  /// Mappings that were not followed, as there were too many.
  private(set) var lostMappings: UInt64 = 0
  /// As many as the kernel allows a process, if nobody has raised that (vm.max_map_count).
  private static let mappingLimit = 65_536

  /// The generation of its code that the kernel programs know; nil: none yet.
  var publishedGeneration: UInt32?
  /// Something was mapped or unmapped since its mappings were read.
  var hasNewMappings = false
  /// Snapshots since its mappings were read.
  var mappingsAge = 0

  private var symbolizer: Symbolizer
  /// Mapping records that were lost before all mappings were read; nil: they never were.
  private var knownLostRecords: UInt64?
  /// Empty until they could be read.
  private(set) var executableMappings: [MemoryMapping] = []
  /// Everything that was ever in `executableMappings`.
  private var everExecutable: Set<MemoryMapping> = []

  /// A process that was there already, or has begun another program.
  init(
    slot: ProcessSlot, identity: ProcessIdentity, name: String, isFromStart: Bool,
    modules: ModuleCache
  ) {
    self.slot = slot
    self.identity = identity
    self.name = name
    self.isFromStart = isFromStart
    directory = ProcessDirectory(pid: identity.pid)
    symbolizer = Symbolizer(pid: identity.pid, cache: modules)
  }

  /// A forked child: it begins with its parent's code.
  init(
    slot: ProcessSlot, identity: ProcessIdentity, name: String, forkedFrom parent: ObservedProcess
  ) {
    self.slot = slot
    self.identity = identity
    self.name = name
    isFromStart = true
    directory = ProcessDirectory(pid: identity.pid)
    symbolizer = parent.symbolizer
    executableMappings = parent.executableMappings
    everExecutable = parent.everExecutable
  }

  var hasExited: Bool { departure != nil }
  /// It runs another program by now, which is observed: this one is not shown any more.
  var isReplaced = false

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
    hasNewMappings = false
    mappingsAge = 0
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
    hasNewMappings = true
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
  mutating func learn(_ stack: ProbeEvent.Stack, _ known: KnownStacks) {
    symbolizer.readGeneratedNames(for: stack.addresses, at: SystemClock.monotonicNanoseconds)
    let site = known.add(symbolizer.locations(for: stack.addresses))
    stacks[stack.stack] = NumberedStack(site: site, ending: stack.ending)
  }

  mutating func apply(_ event: ProbeEvent.Mapping) {
    hasNewMappings = true
    let site = event.isInternal ? nil : event.stack
    switch event.operation {
    case .map(let range):
      guard mappings.intervals.count < Self.mappingLimit else {
        lostMappings += 1
        return
      }
      mappings.map(range, site: site)
    case .unmap(let range): mappings.unmap(range)
    case .restore(let range): mappings.restore(range)
    case .move(let old, let new): mappings.move(from: old, to: new)
    case .programBreak(let old, let new):
      mappings.moveProgramBreak(from: old, to: new, site: site)
    }
  }
}
