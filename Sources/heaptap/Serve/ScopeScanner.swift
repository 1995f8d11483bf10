import Processes
import Serving

/// Finds the running processes that belong to a scope.
struct ScopeScanner {
  /// Scans after which a process that did not belong is looked at again: exec gives it another name.
  private static let recheckInterval = 5

  private let scope: ServeConfiguration.Scope
  var excludedNames: Set<String>
  private let ownPid: Int32
  private var refused: Set<Int32> = []
  private var scanCount = 0

  init(_ scope: ServeConfiguration.Scope, excludedNames: [String], ownPid: Int32) {
    self.scope = scope
    self.excludedNames = Set(excludedNames)
    self.ownPid = ownPid
  }

  /// Whether processes may still join.
  var isOpen: Bool { if case .pids = scope { false } else { true } }

  /// Processes that belong to the scope, but for those that are `known` or have just begun.
  mutating func scan(known: Set<Int32>) -> [Int32] {
    guard let pids = try? ProcessDirectory.allPids() else { return [] }
    scanCount += 1
    if scanCount % Self.recheckInterval == 0 { refused = [] }
    refused.formIntersection(pids)
    var found: [Int32] = []
    for pid in pids where pid != ownPid && !known.contains(pid) && !refused.contains(pid) {
      if belongs(pid) { found.append(pid) } else { refused.insert(pid) }
    }
    return found
  }

  private func belongs(_ pid: Int32) -> Bool {
    let directory = ProcessDirectory(pid: pid)
    guard let status = try? directory.status(), !status.isKernelThread, !status.isZombie,
      // Helpers of heaptap would count what counting makes them do.
      status.parent != ownPid, !excludedNames.contains(status.name)
    else { return false }
    switch scope {
    case .all: return true
    case .names(let names): return names.contains(status.name)
    case .pids(let pids): return pids.contains(pid)
    case .cgroups(let groups):
      guard let own = try? directory.controlGroup() else { return false }
      return groups.contains { own == $0 || $0 == "/" || own.hasPrefix($0 + "/") }
    }
  }
}
