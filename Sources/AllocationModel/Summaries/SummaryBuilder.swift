/// Gathers the snapshots of a period into its summary, and compares it with the period before.
package struct SummaryBuilder: Sendable {
  /// A pid alone names different processes in turn.
  private struct ProcessKey: Hashable {
    var pid: Int32
    var name: String
  }

  private struct SiteKey: Hashable {
    var id: SiteID
    var pid: Int32
  }

  private struct Course {
    var appeared: Bool
    var beginning: AllocationCounters
    var first: ProcessFigures
    var peak: ProcessFigures
    var latest: TargetSnapshot
    var growthBefore: Int64?
    /// It was observed in windows at some time since its first figures.
    var isEstimated: Bool
    /// Its end was seen in an earlier period.
    var wasOver = false

    init(_ target: TargetSnapshot, appeared: Bool) {
      self.appeared = appeared
      beginning = target.isFromStart && appeared ? AllocationCounters() : target.counters
      first = ProcessFigures(target)
      peak = first
      latest = target
      isEstimated = target.mode == .windows
    }
  }

  private struct SiteCourse {
    var first: UInt64
    var peak: UInt64
  }

  private let host: HostIdentity
  private let suspectLimit: Int
  private var courses: [ProcessKey: Course] = [:]
  private var siteCourses: [SiteKey: SiteCourse] = [:]
  private var suspectsBefore: [SuspectSummary] = []
  private var latest: Snapshot?
  private var lostBefore = LossCounts()
  private var snapshotCount = 0

  /// - Parameter suspectLimit: sites named in a summary, ≥ 0.
  package init(host: HostIdentity, suspectLimit: Int) {
    self.host = host
    self.suspectLimit = suspectLimit
  }

  package mutating func fold(_ snapshot: Snapshot) {
    snapshotCount += 1
    latest = snapshot
    var present: Set<ProcessKey> = []
    for target in snapshot.targets {
      let key = ProcessKey(pid: target.pid, name: target.name)
      present.insert(key)
      if var course = courses[key], !Self.isAnother(target, than: course.latest) {
        course.peak = course.peak.peak(with: ProcessFigures(target))
        course.latest = target
        if target.mode == .windows { course.isEstimated = true }
        courses[key] = course
      } else {
        courses[key] = Course(target, appeared: true)
      }
    }
    // The engine forgets ended processes at some time, and so does this.
    courses = courses.filter { present.contains($0.key) || !$0.value.wasOver }
    for site in snapshot.suspects(limit: suspectLimit) {
      let live = site.counters.liveBytes
      let key = SiteKey(id: site.id, pid: site.pid)
      siteCourses[key, default: SiteCourse(first: live, peak: live)].peak =
        max(live, siteCourses[key]?.peak ?? live)
    }
  }

  /// The summary of what was folded since the last call. What comes next is compared with it.
  package mutating func finish(_ period: Period) -> Summary {
    let snapshot = latest
    let names = Dictionary(
      (snapshot?.targets ?? []).map { ($0.pid, $0.name) }, uniquingKeysWith: { $1 })
    let before = Dictionary(
      suspectsBefore.map { (SiteKey(id: $0.site.id, pid: $0.site.pid), $0.site) },
      uniquingKeysWith: { first, _ in first })
    let suspects = (snapshot?.suspects(limit: suspectLimit) ?? []).map { site in
      let key = SiteKey(id: site.id, pid: site.pid)
      let course = siteCourses[key]
      return SuspectSummary(
        site: site, processName: names[site.pid] ?? "",
        firstLiveBytes: course?.first ?? site.counters.liveBytes,
        peakLiveBytes: course?.peak ?? site.counters.liveBytes,
        growthBefore: before[key]?.growth.bytesPerSecond,
        isGrowthBeforeEstimated: before[key]?.estimate != nil)
    }
    let suspectCount =
      snapshot?.sites.count { $0.assessment.verdict.isSuspicious } ?? 0
    let summary = Summary(
      period: period, host: host, snapshotCount: snapshotCount, processes: processes,
      suspects: suspects, omittedSuspectCount: suspectCount - suspects.count,
      resolved: resolved(in: snapshot),
      lost: (snapshot?.lost ?? lostBefore).since(lostBefore),
      lostSinceStart: snapshot?.lost ?? lostBefore)
    begin(after: summary)
    return summary
  }

  private mutating func begin(after summary: Summary) {
    lostBefore = summary.lostSinceStart
    suspectsBefore = summary.suspects
    snapshotCount = 0
    siteCourses = [:]
    let present = Set(
      (latest?.targets ?? []).map { ProcessKey(pid: $0.pid, name: $0.name) })
    courses = courses.filter { present.contains($0.key) }
    for (key, course) in courses {
      var next = Course(course.latest, appeared: false)
      next.beginning = course.latest.counters
      next.growthBefore = course.isEstimated ? nil : Self.growth(of: course)
      next.wasOver = course.latest.hasExited
      courses[key] = next
    }
    latest?.sites.removeAll { !$0.assessment.verdict.isSuspicious }
    latest?.mappings = []
  }

  private var processes: [ProcessSummary] {
    courses.values.filter { !$0.wasOver }.map { course in
      ProcessSummary(
        pid: course.latest.pid, name: course.latest.name, appeared: course.appeared,
        hasExited: course.latest.hasExited, hasVisibleAllocator: course.latest.hasVisibleAllocator,
        mode: course.latest.mode, isEstimated: course.isEstimated, first: course.first,
        last: ProcessFigures(course.latest), peak: course.peak,
        flow: course.isEstimated
          ? AllocationCounters() : course.latest.counters.since(course.beginning),
        growthBefore: course.growthBefore)
    }.sorted { ($0.pid, $0.name) < ($1.pid, $1.name) }
  }

  private func resolved(in snapshot: Snapshot?) -> [ResolvedSuspect] {
    guard !suspectsBefore.isEmpty, let snapshot else { return [] }
    let keys = Set(suspectsBefore.map { SiteKey(id: $0.site.id, pid: $0.site.pid) })
    var assessments: [SiteKey: Assessment] = [:]
    for site in snapshot.sites {
      let key = SiteKey(id: site.id, pid: site.pid)
      if keys.contains(key) { assessments[key] = site.assessment }
    }
    return suspectsBefore.compactMap { suspect in
      let assessment = assessments[SiteKey(id: suspect.site.id, pid: suspect.site.pid)]
      guard assessment?.verdict.isSuspicious != true else { return nil }
      return ResolvedSuspect(
        id: suspect.site.id, pid: suspect.site.pid, processName: suspect.processName,
        function: suspect.site.stack.lazy.compactMap(\.function).first, assessment: assessment)
    }
  }

  /// Counters only grow, but for those that windows estimate, and nothing that ended comes back.
  private static func isAnother(_ target: TargetSnapshot, than earlier: TargetSnapshot) -> Bool {
    if earlier.hasExited && !target.hasExited { return true }
    if target.mode == .windows || earlier.mode == .windows {
      return target.startTicks != earlier.startTicks
    }
    return target.counters.allocatedBlocks < earlier.counters.allocatedBlocks
  }

  private static func growth(of course: Course) -> Int64 {
    Int64(clamping: course.latest.counters.liveBytes) - Int64(clamping: course.first.liveBytes)
  }
}

extension AllocationCounters {
  /// What was counted after an earlier reading of the same counters.
  package func since(_ earlier: Self) -> Self {
    func difference(_ counter: KeyPath<Self, UInt64>) -> UInt64 {
      self[keyPath: counter] - min(self[keyPath: counter], earlier[keyPath: counter])
    }
    return Self(
      allocatedBytes: difference(\.allocatedBytes), allocatedBlocks: difference(\.allocatedBlocks),
      freedBytes: difference(\.freedBytes), freedBlocks: difference(\.freedBlocks))
  }
}
