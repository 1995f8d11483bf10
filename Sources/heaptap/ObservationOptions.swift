import AllocationModel
import AllocationProbes
import ArgumentParser
import BPFRuntime
import Monitoring

/// What `watch` and `run` have in common: how long, how much, and which sites to show.
struct ObservationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Seconds between two tables.", valueName: "seconds"))
  var interval = 2.0

  @Option(help: ArgumentHelp("Stop after this many tables.", valueName: "number"))
  var count: Int?

  @Option(help: ArgumentHelp("Stop after this many seconds.", valueName: "seconds"))
  var duration: Double?

  @Flag(help: "Print one JSON object per line instead of tables.")
  var json = false

  @Option(
    help: ArgumentHelp("Show at most this many sites; totals cover all.", valueName: "number"))
  var top = 10

  @Option(help: "What comes first: growth, live, blocks, allocated, freed or age.")
  var sort = SnapshotOrder.growth

  @Option(
    help: ArgumentHelp(
      "Show sums by site, process, executable, cgroup or module in place of sites.",
      valueName: "key"))
  var by: GroupKey?

  @Option(
    help: ArgumentHelp(
      "Leave out sites without a live block older than this.", valueName: "seconds"))
  var older: Double?

  @Option(help: ArgumentHelp("Do not record smaller requests.", valueName: "bytes"))
  var minSize: UInt64 = 0

  @Option(help: ArgumentHelp("Show at most this many frames of a stack.", valueName: "number"))
  var frames = 12

  @Flag(help: "Count every allocation, whatever it costs the targets.")
  var exact = false

  @Flag(
    help: "Also observe children that the target forks; costs all processes that share its libc.")
  var children = false

  @Option(
    help: ArgumentHelp(
      "Room for live blocks, 46 bytes of kernel memory each (default: by the machine's memory).",
      valueName: "number"))
  var maxBlocks: Int?

  @Option(
    help: ArgumentHelp(
      "Room for distinct stacks (default: 32768, and 131072 where every process may be a target).",
      valueName: "number"))
  var maxStacks: Int?

  @Option(
    help: ArgumentHelp(
      "Of that room, what one process may take (default: all of its own, a quarter among many).",
      valueName: "number"))
  var maxProcessBlocks: Int?

  @Option(
    help: ArgumentHelp(
      "Distinct stacks that one process may have (default: likewise).", valueName: "number"))
  var maxProcessStacks: Int?

  @Option(
    help: ArgumentHelp(
      "Do without these kinds of links: session, multi, perf.", valueName: "kinds",
      visibility: .hidden))
  var forbid = ""

  @Option(
    help: ArgumentHelp(
      "Record only this allocation of a process, counted from 1.", valueName: "number",
      visibility: .hidden))
  var onlyAllocation: UInt64 = 0

  func validate() throws {
    func check(_ isValid: Bool, _ sentence: String) throws {
      guard isValid else { throw ValidationError(sentence) }
    }
    try check(interval >= 0.01 && interval <= 86_400, "--interval takes 0.01 to 86400 seconds")
    try check(count ?? 1 > 0, "--count takes a number from 1 on")
    try check(
      duration ?? 1 > 0 && duration ?? 1 <= 1e9,
      "--duration takes more than 0 and at most 1e9 seconds")
    try check(top > 0, "--top takes a number from 1 on")
    try check(frames > 0, "--frames takes a number from 1 on")
    try check((0...1e9).contains(older ?? 0), "--older takes 0 to 1e9 seconds")
    try check(
      (64...1_000_000_000).contains(maxBlocks ?? 64), "--max-blocks takes 64 to 1000000000")
    try check((64...16_777_216).contains(maxStacks ?? 64), "--max-stacks takes 64 to 16777216")
    try check(maxProcessBlocks ?? 1 > 0, "--max-process-blocks takes a number from 1 on")
    try check(maxProcessStacks ?? 1 > 0, "--max-process-stacks takes a number from 1 on")
    for kind in forbid.split(separator: ",") {
      try check(
        UprobeLinkKind(rawValue: String(kind)) != nil, "--forbid takes session, multi or perf")
    }
  }

  var settings: ProbeSettings {
    ProbeSettings(
      maximumBlocks: maxBlocks, maximumStacks: maxStacks,
      maximumBlocksPerProcess: maxProcessBlocks, maximumStacksPerProcess: maxProcessStacks,
      minimumSize: minSize,
      onlyAllocation: onlyAllocation, followsChildren: children,
      forbiddenLinkKinds: Set(
        forbid.split(separator: ",").compactMap { UprobeLinkKind(rawValue: String($0)) }))
  }

  var observation: Observation.Options {
    // The worst site of a group need not be among the first sites.
    Observation.Options(
      minimumAge: older, order: sort, namedSiteCount: by == nil ? top : 4 * top)
  }

  func schedule(startsAtOnce: Bool) -> WatchLoop.Schedule {
    WatchLoop.Schedule(
      interval: interval, count: count, duration: duration, startsAtOnce: startsAtOnce)
  }
}

extension SnapshotOrder: ExpressibleByArgument {}
extension GroupKey: ExpressibleByArgument {}
