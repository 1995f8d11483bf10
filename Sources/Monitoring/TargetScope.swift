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

  /// Processes that were named, each once.
  ///
  /// - Throws: `ObservationError` for one that can't be observed.
  package static func checking(_ pids: [Int32]) throws(ObservationError) -> TargetScope {
    var unique: [Int32] = []
    for pid in pids where !unique.contains(pid) { unique.append(pid) }
    for pid in unique { try TargetCheck.check(pid: pid) }
    return .processes(unique)
  }

  /// A cgroup by its folder, or by its path in the hierarchy.
  ///
  /// - Throws: `ObservationError` for what is none.
  package static func cgroup(at path: String) throws(ObservationError) -> TargetScope {
    do {
      return .cgroup(try ControlGroup(path: path))
    } catch {
      throw ObservationError(
        .targetUnobservable,
        "\(error.description); cgroup.controllers lies in the folder of each, mostly below /sys/fs/cgroup"
      )
    }
  }

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

  /// Processes that may belong to it now.
  var candidatePids: [Int32] {
    switch self {
    case .processes(let pids): pids
    case .everything, .names: (try? ProcessDirectory.allPids()) ?? []
    case .cgroup(let group): group.pids()
    }
  }

  /// Whether a candidate belongs to it that has this name, and this executable where that is known.
  func names(_ name: String, executable: String?) -> Bool {
    guard case .names(let patterns) = self else { return true }
    return patterns.contains { $0.matches(name: name, executable: executable) }
  }
}
