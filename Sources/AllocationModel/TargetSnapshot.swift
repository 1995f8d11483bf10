/// The row of one process in scope, observed or not.
///
/// Its counters cover all its sites.
package struct TargetSnapshot: Hashable, Sendable {
  /// How a target is observed.
  ///
  /// The raw value is the name in reports and JSON.
  package enum Mode: String, Sendable {
    /// Every allocation and free is counted.
    case exact
    /// Probes are there for some milliseconds at a time; figures of sites are estimates.
    case windows
    /// Looked at from outside only: no probe, no counters.
    case census
  }

  package var pid: Int32
  /// Start time in clock ticks since boot, which tells users of the same pid apart; 0 where it is not known.
  package var startTicks: UInt64
  package var name: String
  /// The parent's process id; nil where it is not known.
  package var parent: Int32?
  /// Path of the program in the process's own mount namespace (`/proc/PID/exe`).
  package var executable: String?
  /// Path in the unified hierarchy (`/proc/PID/cgroup`, cgroups(7)).
  package var cgroup: String?
  package var mode: Mode
  package var counters: AllocationCounters
  /// Frees of blocks that a forked child inherited from its parent.
  package var inheritedFrees: UInt64
  /// Frees of blocks that were allocated before observation began.
  package var unknownFrees: UInt64
  /// Allocator calls that returned NULL.
  package var failedAllocations: UInt64
  /// Resident set size in bytes (`VmRSS`); nil when the process is gone.
  package var residentBytes: UInt64?
  /// Resident anonymous memory in bytes (`RssAnon`); nil when the process is gone.
  package var residentAnonymousBytes: UInt64?
  /// `residentAnonymousBytes` when observation began: memory no stack is known for.
  package var residentAnonymousBytesAtStart: UInt64?
  /// The data segment in bytes, resident or not (`VmData`).
  package var heapBytes: UInt64?
  /// Seen from its first instruction, so nothing was allocated before.
  package var isFromStart: Bool
  /// The process has ended; its figures are final.
  package var hasExited: Bool
  /// How it ended; nil while it runs, and where nobody could tell.
  package var ending: ProcessEnding?
  /// It maps a file whose allocator is probed; without one nothing of it is counted.
  package var hasVisibleAllocator: Bool
  /// Why its allocations can't be seen, as a sentence without a full stop.
  package var obstacle: String?
  /// How it is observed in windows; nil in other modes.
  package var windows: WindowUse?
  /// The share of its time that exact observation costs it, estimated, ≥ 0; nil where it is not known.
  package var costShare: Double?
  /// Why its heap could not be looked at though it has suspects, as a sentence without a full stop.
  package var inspectionObstacle: String?

  /// How fast its anonymous memory grows. `SnapshotBuilder` sets it, as it does the two that follow.
  package var anonymousGrowth = GrowthRate()
  /// The most anonymous memory that any reading saw.
  package var peakAnonymousBytes: UInt64?
  /// The most live bytes that any reading saw.
  package var peakLiveBytes: UInt64 = 0

  package init(
    pid: Int32,
    startTicks: UInt64 = 0,
    name: String,
    parent: Int32? = nil,
    executable: String? = nil,
    cgroup: String? = nil,
    mode: Mode = .exact,
    counters: AllocationCounters = AllocationCounters(),
    inheritedFrees: UInt64 = 0,
    unknownFrees: UInt64 = 0,
    failedAllocations: UInt64 = 0,
    residentBytes: UInt64? = nil,
    residentAnonymousBytes: UInt64? = nil,
    residentAnonymousBytesAtStart: UInt64? = nil,
    heapBytes: UInt64? = nil,
    isFromStart: Bool = false,
    hasExited: Bool = false,
    ending: ProcessEnding? = nil,
    hasVisibleAllocator: Bool = true,
    obstacle: String? = nil,
    windows: WindowUse? = nil,
    costShare: Double? = nil
  ) {
    self.pid = pid
    self.startTicks = startTicks
    self.name = name
    self.parent = parent
    self.executable = executable
    self.cgroup = cgroup
    self.mode = mode
    self.counters = counters
    self.inheritedFrees = inheritedFrees
    self.unknownFrees = unknownFrees
    self.failedAllocations = failedAllocations
    self.residentBytes = residentBytes
    self.residentAnonymousBytes = residentAnonymousBytes
    self.residentAnonymousBytesAtStart = residentAnonymousBytesAtStart
    self.heapBytes = heapBytes
    self.isFromStart = isFromStart
    self.hasExited = hasExited || ending != nil
    self.ending = ending
    self.hasVisibleAllocator = hasVisibleAllocator
    self.obstacle = obstacle
    self.windows = windows
    self.costShare = costShare
  }

  package var process: ProcessIdentity { ProcessIdentity(pid: pid, startTicks: startTicks) }
}

/// How a process ended.
package enum ProcessEnding: Hashable, Sendable {
  /// By itself, with this status.
  case exited(status: Int32)
  /// By this signal.
  case killed(signal: Int32)
  /// By the kernel, for want of memory.
  case outOfMemory
}
