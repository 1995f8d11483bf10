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
    /// Seconds of the past that growth is computed over, > 0.
    package var horizon: Double
    /// Sites that are shown with lines and merged calls, from the first on.
    package var namedSiteCount: Int
    /// What observing may cost targets; nil: every call is counted, whatever that costs.
    package var budget: Governor.Settings?
    /// How suspects' heaps are looked at; nil: they are not.
    package var inspections: Inspections?

    package struct Inspections: Sendable {
      /// Seconds that a process may stand still at a time; one with more memory than can be copied by then is left alone.
      package var maximumPause = 0.1
      /// The share of its time for which it may stand still.
      package var budget = 0.02

      package init() {}
    }

    package init(
      minimumAge: Double? = nil, order: SnapshotOrder = .growth,
      horizon: Double = SnapshotBuilder.Settings().horizon, namedSiteCount: Int = 10,
      budget: Governor.Settings? = nil,
      inspections: Inspections? = nil
    ) {
      self.minimumAge = minimumAge
      self.order = order
      self.horizon = horizon
      self.namedSiteCount = namedSiteCount
      self.budget = budget
      self.inspections = inspections
    }
  }

  package let session: ProbeSession
  package let scope: TargetScope
  let options: Options
  let modules = ModuleCache()
  let code: CodeRegistry
  /// nil where the kernel doesn't let us record: then mappings are known as they are when they are read.
  let recorder = try? MappingRecorder()
  /// Executable mappings that targets have made, waiting for their time to come.
  var recordsByPid: [Int32: [MappingRecord]] = [:]
  /// By the process that the files are attached to for, or `everyone`.
  var findersByPid: [Int32: AllocatorFinder] = [:]
  static let everyone: Int32 = 0
  let runtimes = KnownRuntimes()
  /// Why allocator files are not probed, by name: another process may have better ones.
  var refusalsByFile: [String: String] = [:]

  /// Allocator files that are probed, all the time or in windows.
  var attachments: [WindowRequest.Place] = []
  /// nil: every call is counted, whatever that costs.
  let budgeted: BudgetedObservation?
  /// nil: heaps are not looked at.
  let inspections: SuspectInspections?

  var processes: [ProcessSlot: ObservedProcess] = [:]
  /// The incarnation that runs under a pid, or was the last to.
  var slotsByPid: [Int32: ProcessSlot] = [:]
  var census = ProcessCensus()
  /// Processes that have ended and whose counters the kernel programs still keep, the first to end first.
  var ended: [ProcessSlot] = []
  /// Processes that the last census found and that are no targets.
  var unannounced: Set<ProcessIdentity> = []
  /// Processes with these names are not observed where the scope is wider than named processes.
  package var excludedNames: Set<String> = []
  /// Allocator files that are probed, by path, for people.
  package var attachedFiles: [String] { attachedNames.sorted() }
  var attachedNames: Set<String> = []
  /// Seconds that the last snapshot took, all reading included.
  package internal(set) var lastSnapshotDuration = 0.0
  /// Of processes that have ended since the last snapshot and are not kept.
  var finished = FinishedProcesses()
  /// Of those, how many there ever were.
  var finishedCount = 0
  /// By processes whose counters are gone.
  var lostBefore = LossCounts()

  var builder: SnapshotBuilder
  let stacks = KnownStacks()
  let sources = SourceNaming()
  private let start = SystemClock.monotonicNanoseconds
  /// A command is still in its loader: whoever starts it attaches to its files one by one.
  package var isStarting = false

  package init(
    _ settings: ProbeSettings, scope: TargetScope, options: Options
  ) throws(BPFError) {
    var settings = settings
    settings.scope = scope.probeScope
    let session = try ProbeSession(settings)
    self.session = session
    self.scope = scope
    self.options = options
    code = CodeRegistry(session, store: Self.tableStore)
    builder = SnapshotBuilder(
      settings: SnapshotBuilder.Settings(horizon: options.horizon, order: options.order))
    inspections = options.inspections.flatMap { SuspectInspections($0, of: session) }
    budgeted = options.budget.map {
      BudgetedObservation($0, horizon: options.horizon, session: session)
    }
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

  /// Whether every target has ended, and none can come.
  package var isOver: Bool {
    scope.probeScope == .named && finishedCount + processes.count > 0
      && processes.values.allSatisfy(\.hasExited)
  }

  /// The target is known to have ended.
  package func markExited(pid: Int32) {
    if let slot = slotsByPid[pid] {
      note(.ended(status: nil, isOutOfMemory: false), of: slot)
    }
  }

  /// Nothing more is counted for a process; the first that is said of how it ended holds.
  func note(_ departure: ProbeEvent.Departure, of slot: ProcessSlot) {
    guard processes[slot] != nil, processes[slot]?.departure == nil else { return }
    processes[slot]?.departure = departure
    ended.append(slot)
  }

  /// Removes all probes: targets run untouched from now on.
  package func detach() {
    session.detach()
  }
}
