/// What sites and processes are summed by.
///
/// The raw value is the name on the command line and in JSON.
package enum GroupKey: String, CaseIterable, Sendable {
  /// One stack in all processes of one program.
  case site
  case process
  case executable
  case cgroup
  /// The file that the allocator's caller is in.
  case module
}

/// The sums over some sites and processes that have something in common.
package struct GroupSnapshot: Hashable, Sendable {
  /// What they have in common, as people read it; nil where it is not known.
  package var name: String?
  /// The process, when a group is one; nil for all other groups.
  package var process: ProcessIdentity?
  /// Processes with a site in the group, or all of a group of processes.
  package var processCount = 0
  package var siteCount = 0
  /// Sites whose figures are estimates, so that the sums are, too.
  package var estimatedSiteCount = 0
  package var counters = AllocationCounters()
  /// Sum over the sites; intervals add up as those of independent figures do.
  package var growth = GrowthRate()
  /// Sums over the processes; nil for groups of sites, and where none of the processes tells.
  package var residentAnonymousBytes: UInt64?
  package var anonymousGrowth: GrowthRate?
  /// That of its worst site; nil without a site.
  package var assessment: Assessment?
  /// Its worst site; nil without a site.
  package var worstSite: SiteID?
  package var worstStack: [Frame] = []

  package init(name: String?) {
    self.name = name
  }

  package var isEstimated: Bool { estimatedSiteCount > 0 }
}

extension Snapshot {
  /// All sites, and for groups of processes also all processes, summed by a key; what grows most comes first.
  package func grouped(by key: GroupKey) -> [GroupSnapshot] {
    var folding = GroupFolding(key: key)
    let rows = Dictionary(targets.map { ($0.process, $0) }) { first, _ in first }
    if key == .process || key == .executable || key == .cgroup {
      for target in targets { folding.add(target) }
    }
    for site in sites { folding.add(site, of: rows[site.process]) }
    return folding.ranked
  }
}

private struct GroupFolding {
  private struct Identity: Hashable {
    var name: String?
    var process: ProcessIdentity?
    var site: SiteID?
  }

  private struct Sum {
    var group: GroupSnapshot
    var processes: Set<ProcessIdentity> = []
    /// Sums of squared margins below and above.
    var below = 0.0
    var above = 0.0
    var anonymousBelow = 0.0
    var anonymousAbove = 0.0
    var worst: SiteSnapshot?
  }

  let key: GroupKey
  private var sums: [Sum] = []
  private var indices: [Identity: Int] = [:]

  init(key: GroupKey) {
    self.key = key
  }

  mutating func add(_ target: TargetSnapshot) {
    let index = index(of: target.process, target, site: nil)
    sums[index].processes.insert(target.process)
    if let bytes = target.residentAnonymousBytes {
      sums[index].group.residentAnonymousBytes =
        (sums[index].group.residentAnonymousBytes ?? 0) &+ bytes
    }
    guard !target.hasExited else { return }
    let growth = target.anonymousGrowth
    sums[index].anonymousBelow += (growth.bytesPerSecond - growth.low).squared
    sums[index].anonymousAbove += (growth.high - growth.bytesPerSecond).squared
    sums[index].group.anonymousGrowth = GrowthRate(
      bytesPerSecond: (sums[index].group.anonymousGrowth?.bytesPerSecond ?? 0)
        + growth.bytesPerSecond)
  }

  mutating func add(_ site: SiteSnapshot, of target: TargetSnapshot?) {
    let index = index(of: site.process, target, site: site)
    sums[index].processes.insert(site.process)
    sums[index].group.siteCount += 1
    if site.estimate != nil { sums[index].group.estimatedSiteCount += 1 }
    sums[index].group.counters += site.counters
    sums[index].group.growth.bytesPerSecond += site.growth.bytesPerSecond
    sums[index].below += (site.growth.bytesPerSecond - site.growth.low).squared
    sums[index].above += (site.growth.high - site.growth.bytesPerSecond).squared
    if let worst = sums[index].worst, !site.isWorse(than: worst) { return }
    sums[index].worst = site
  }

  private mutating func index(
    of process: ProcessIdentity, _ target: TargetSnapshot?, site: SiteSnapshot?
  ) -> Int {
    let program = target?.executable ?? target?.name
    let identity =
      switch key {
      case .site: Identity(name: program, site: site?.id)
      case .process: Identity(process: process)
      case .executable: Identity(name: program)
      case .cgroup: Identity(name: target?.cgroup)
      case .module: Identity(name: site?.stack.first?.module)
      }
    if let index = indices[identity] { return index }
    var group = GroupSnapshot(name: key == .process ? target?.name : identity.name)
    group.process = identity.process
    sums.append(Sum(group: group))
    indices[identity] = sums.count - 1
    return sums.count - 1
  }

  var ranked: [GroupSnapshot] {
    let groups = sums.map { sum in
      var group = sum.group
      group.processCount = sum.processes.count
      let rate = group.growth.bytesPerSecond
      group.growth = GrowthRate(
        bytesPerSecond: rate, low: rate - sum.below.squareRoot(),
        high: rate + sum.above.squareRoot())
      if let rate = group.anonymousGrowth?.bytesPerSecond {
        group.anonymousGrowth = GrowthRate(
          bytesPerSecond: rate, low: rate - sum.anonymousBelow.squareRoot(),
          high: rate + sum.anonymousAbove.squareRoot())
      }
      group.assessment = sum.worst?.assessment
      group.worstSite = sum.worst?.id
      group.worstStack = sum.worst?.stack ?? []
      return group
    }
    return groups.sorted { $0.precedes($1) }
  }
}

extension GroupSnapshot {
  private var severity: Int { assessment?.verdict.severity ?? -1 }

  /// Those with a growing site first, then by growth, then by what they hold; a total order up to equal groups.
  fileprivate func precedes(_ other: Self) -> Bool {
    let (grows, otherGrows) = (
      assessment?.verdict == .growing, other.assessment?.verdict == .growing
    )
    if grows != otherGrows { return grows }
    if grows, growth.low != other.growth.low { return growth.low > other.growth.low }
    let (low, otherLow) = (anonymousGrowth?.low ?? 0, other.anonymousGrowth?.low ?? 0)
    if max(0, low) != max(0, otherLow) { return low > otherLow }
    if counters.liveBytes != other.counters.liveBytes {
      return counters.liveBytes > other.counters.liveBytes
    }
    let (held, otherHeld) = (residentAnonymousBytes ?? 0, other.residentAnonymousBytes ?? 0)
    if held != otherHeld { return held > otherHeld }
    if name != other.name { return (name ?? "") < (other.name ?? "") }
    if process != other.process { return (process?.pid ?? 0) < (other.process?.pid ?? 0) }
    return (worstSite?.rawValue ?? 0) < (other.worstSite?.rawValue ?? 0)
  }
}

extension SiteSnapshot {
  fileprivate func isWorse(than other: Self) -> Bool {
    let (severity, otherSeverity) = (
      assessment.verdict.severity, other.assessment.verdict.severity
    )
    if severity != otherSeverity { return severity > otherSeverity }
    return SnapshotOrder.growth.precedes(self, other)
  }
}

extension Verdict {
  /// How much it asks for attention: more is worse.
  package var severity: Int {
    switch self {
    case .unreachable: 6
    case .growing: 5
    case .settling: 4
    case .mixed: 3
    case .new: 2
    case .steady: 1
    case .idle: 0
    }
  }
}

extension Double {
  fileprivate var squared: Double { self * self }
}
