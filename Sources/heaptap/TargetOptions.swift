import ArgumentParser
import Monitoring
import Processes

/// Which processes a command looks at: exactly one of the kinds.
struct TargetOptions: ParsableArguments {
  @Option(
    name: .customLong("pid"),
    help: ArgumentHelp("A process to watch; may be given several times.", valueName: "pid"))
  var pids: [Int32] = []

  @Option(
    name: .customLong("name"),
    help: ArgumentHelp(
      "Watch processes with this name or executable, also later ones; * and ? as in file names.",
      valueName: "pattern"))
  var names: [String] = []

  @Option(
    help: ArgumentHelp("Watch the processes in a cgroup, also later ones.", valueName: "path"))
  var cgroup: String?

  @Flag(help: "Watch every process of this machine, also later ones.")
  var all = false

  func validate() throws {
    let kinds = [!pids.isEmpty, !names.isEmpty, cgroup != nil, all].count { $0 }
    guard kinds == 1 else {
      throw ValidationError(
        kinds == 0
          ? "no process was named; give --pid, --name, --cgroup or --all"
          : "--pid, --name, --cgroup and --all exclude one another")
    }
    guard names.allSatisfy({ !$0.isEmpty }) else {
      throw ValidationError("--name takes at least one character")
    }
  }

  /// - Throws: `ObservationError` for a process that can't be observed, or a cgroup that is none.
  func scope() throws -> TargetScope {
    if all { return .everything }
    if !names.isEmpty { return .names(names.compactMap(NamePattern.init)) }
    if let cgroup { return try .cgroup(at: cgroup) }
    return try .checking(pids)
  }
}
