import AllocationModel
package import AllocationProbes
package import Processes

/// Which processes are to be observed.
package enum TargetScope: Hashable, Sendable {
  case processes([Int32])
  /// Every process but heaptap's own, now and later.
  case everything
  /// Every process that has one of these names, now and later, and its children until they run another program.
  case names([NamePattern])
  /// The processes in a cgroup and those below it, now and later.
  case cgroup(ControlGroup)

  /// Each named process gets probes of its own up to so many, which spare all others their cost. Every one of them is
  /// looked at whenever any is hit, so that more are dearer than probes in all processes.
  package static let separateProbeLimit = 4

  /// What the kernel programs are to know of it.
  package var probeScope: ProbeScope {
    switch self {
    case .processes: .named
    case .everything: .everything
    case .names: .programs
    case .cgroup(let group): .cgroup(id: group.id, level: group.level)
    }
  }

  /// Processes that are waited for; the others may come at any time.
  package var namedPids: [Int32] { if case .processes(let pids) = self { pids } else { [] } }

  /// Whether a process is looked at, as far as its row tells.
  func contains(_ row: ProcessCensus.Row, members: Set<Int32>) -> Bool {
    switch self {
    case .processes(let pids): pids.contains(row.identity.pid)
    case .everything: true
    case .names(let patterns):
      patterns.contains { $0.matches(name: row.name, executable: row.executable) }
    case .cgroup: members.contains(row.identity.pid)
    }
  }
}
