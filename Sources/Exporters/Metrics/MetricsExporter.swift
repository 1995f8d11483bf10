package import AllocationModel

/// A snapshot and heaptap's own state as metrics, for Prometheus and whatever else reads its formats.
///
/// The number of series is bounded: nine for each process, of which there are at most `processLimit`, and three for each of at
/// most `siteLimit` suspects.
package struct MetricsExporter: Sendable {
  /// What heaptap says of itself.
  package struct Own: Hashable, Sendable {
    package var host: HostIdentity
    /// Seconds from the beginning of the last reading to the end of its publication, ≥ 0.
    package var pollDuration: Double
    /// Seconds since the last snapshot, ≥ 0.
    package var snapshotAge: Double
    /// Nanoseconds since 1970 when observation began.
    package var startNanoseconds: Int64
    package var residentBytes: UInt64
    package var cpuSeconds: Double
    /// What could not be written, by what it was: `history`, `summary`.
    package var failedWrites: [String: UInt64]

    package init(
      host: HostIdentity, pollDuration: Double, snapshotAge: Double, startNanoseconds: Int64,
      residentBytes: UInt64, cpuSeconds: Double, failedWrites: [String: UInt64]
    ) {
      self.host = host
      self.pollDuration = pollDuration
      self.snapshotAge = snapshotAge
      self.startNanoseconds = startNanoseconds
      self.residentBytes = residentBytes
      self.cpuSeconds = cpuSeconds
      self.failedWrites = failedWrites
    }
  }

  private let siteLimit: Int
  private let processLimit: Int

  package init(siteLimit: Int, processLimit: Int = 1000) {
    self.siteLimit = siteLimit
    self.processLimit = processLimit
  }

  /// `snapshot` is nil before there is one.
  package func text(for snapshot: Snapshot?, _ own: Own, as format: MetricsFormat) -> String {
    var metrics = MetricsText(format: format)
    writeOwn(&metrics, own, isUp: snapshot != nil)
    if let snapshot {
      writeProcesses(&metrics, snapshot)
      writeSites(&metrics, snapshot)
      writeLosses(&metrics, snapshot.lost)
    }
    metrics.end()
    return metrics.text
  }

  private func writeOwn(_ metrics: inout MetricsText, _ own: Own, isUp: Bool) {
    metrics.family("heaptap_build", .info, help: "Version of heaptap and of the kernel it runs on.")
    metrics.sample([("version", own.host.heaptapVersion), ("kernel", own.host.kernel)], value: 1)
    metrics.family("heaptap_up", .gauge, help: "Whether there is a snapshot of the targets.")
    metrics.sample(value: isUp ? 1 : 0)
    metrics.family(
      "heaptap_snapshot_age_seconds", .gauge, unit: "seconds",
      help: "Time since the targets were last read.")
    metrics.sample(value: own.snapshotAge)
    metrics.family(
      "heaptap_poll_duration_seconds", .gauge, unit: "seconds",
      help: "How long the last reading of all targets took.")
    metrics.sample(value: own.pollDuration)
    metrics.family(
      "heaptap_failed_writes", .counter,
      help: "Summaries and history entries that could not be written.")
    for (what, count) in own.failedWrites.sorted(by: { $0.key < $1.key }) {
      metrics.sample([("what", what)], value: count)
    }
    metrics.family(
      "process_resident_memory_bytes", .gauge, unit: "bytes",
      help: "Resident memory of heaptap itself.")
    metrics.sample(value: own.residentBytes)
    metrics.family(
      "process_cpu_seconds", .counter, unit: "seconds",
      help: "CPU time that heaptap itself has used.")
    metrics.sample(value: own.cpuSeconds)
    metrics.family(
      "process_start_time_seconds", .gauge, unit: "seconds",
      help: "When observation began, in seconds since 1970.")
    metrics.sample(value: Double(own.startNanoseconds / 1_000_000) / 1000)
  }

  private func writeProcesses(_ metrics: inout MetricsText, _ snapshot: Snapshot) {
    // One series a process: of several that had the same pid and name the last counts.
    var unique: [String: TargetSnapshot] = [:]
    for target in snapshot.targets where !target.hasExited {
      unique["\(target.pid) \(target.name)"] = target
    }
    let ranked = unique.values.sorted {
      ($1.counters.liveBytes, $0.pid, $0.name) < ($0.counters.liveBytes, $1.pid, $1.name)
    }
    let shown = ranked.prefix(processLimit)
    func family(
      _ name: String, _ kind: MetricsText.Kind, _ help: String,
      _ value: (TargetSnapshot) -> UInt64?
    ) {
      metrics.family(name, kind, unit: name.hasSuffix("_bytes") ? "bytes" : nil, help: help)
      for target in shown {
        if let value = value(target) { metrics.sample(Self.labels(target), value: value) }
      }
    }
    // Estimates of windows cover the horizon only, and go down again: no live blocks, and no counters.
    func counters(_ target: TargetSnapshot) -> AllocationCounters? {
      target.mode == .windows ? nil : target.counters
    }
    metrics.family("heaptap_processes", .gauge, help: "Processes that are observed.")
    metrics.sample(value: unique.count)
    metrics.family(
      "heaptap_process_mode", .gauge,
      help: "How a process is observed: 1 with the mode as a label. "
        + "Figures of sites are estimates where it is windows.")
    for target in shown {
      metrics.sample(Self.labels(target) + [("mode", target.mode.rawValue)], value: 1)
    }
    metrics.family(
      "heaptap_process_cost_ratio", .gauge, unit: "ratio",
      help:
        "Share of its time that observation costs a process: an estimate, and an upper bound in windows."
    )
    for target in shown {
      guard let share = target.windows?.costShare ?? target.costShare else { continue }
      metrics.sample(Self.labels(target), value: share)
    }
    metrics.family(
      "heaptap_process_windows_open_ratio", .gauge, unit: "ratio",
      help: "Share of the time for which windows were open.")
    for target in shown {
      guard let windows = target.windows else { continue }
      metrics.sample(Self.labels(target), value: windows.openShare)
    }
    family("heaptap_process_live_bytes", .gauge, "Bytes allocated and not freed.") {
      counters($0)?.liveBytes
    }
    family("heaptap_process_live_blocks", .gauge, "Blocks allocated and not freed.") {
      counters($0)?.liveBlocks
    }
    family(
      "heaptap_process_resident_anonymous_bytes", .gauge, "Resident anonymous memory (RssAnon)."
    ) {
      $0.residentAnonymousBytes
    }
    family("heaptap_process_allocated_bytes", .counter, "Bytes allocated since observation began.")
    {
      counters($0)?.allocatedBytes
    }
    family(
      "heaptap_process_allocated_blocks", .counter, "Blocks allocated since observation began."
    ) {
      counters($0)?.allocatedBlocks
    }
    family("heaptap_process_freed_bytes", .counter, "Bytes freed since observation began.") {
      counters($0)?.freedBytes
    }
    family("heaptap_process_freed_blocks", .counter, "Blocks freed since observation began.") {
      counters($0)?.freedBlocks
    }
  }

  private func writeSites(_ metrics: inout MetricsText, _ snapshot: Snapshot) {
    // A pid that was used twice may bring a site twice; a series may come only once.
    var seen: Set<String> = []
    let suspects = snapshot.suspects(limit: siteLimit).filter {
      seen.insert("\($0.id) \($0.pid)").inserted
    }
    let names = Dictionary(
      snapshot.targets.map { ($0.pid, $0.name) }, uniquingKeysWith: { $1 })
    let labels = suspects.map { Self.labels($0, process: names[$0.pid] ?? "") }
    metrics.family(
      "heaptap_suspects", .gauge,
      help: "Sites that are suspected of leaking; only the first have series.")
    metrics.sample(value: snapshot.sites.count { $0.assessment.verdict.isSuspicious })
    metrics.family(
      "heaptap_site_live_bytes", .gauge, unit: "bytes",
      help: "Bytes allocated by a suspected site and not freed; "
        + "none where its process is observed in windows.")
    for (site, labels) in zip(suspects, labels) where site.estimate == nil {
      metrics.sample(labels, value: site.counters.liveBytes)
    }
    metrics.family(
      "heaptap_site_live_blocks", .gauge,
      help: "Blocks allocated by a suspected site and not freed; "
        + "none where its process is observed in windows.")
    for (site, labels) in zip(suspects, labels) where site.estimate == nil {
      metrics.sample(labels, value: site.counters.liveBlocks)
    }
    metrics.family(
      "heaptap_site_growth_bytes_per_second", .gauge,
      help: "Growth of a suspected site over the horizon; "
        + "an estimate where its process is observed in windows.")
    for (site, labels) in zip(suspects, labels) {
      metrics.sample(labels, value: site.growth.bytesPerSecond)
    }
  }

  private func writeLosses(_ metrics: inout MetricsText, _ lost: LossCounts) {
    metrics.family(
      "heaptap_lost_events", .counter, help: "Events that are known not to have been counted.")
    for reason in LossReason.allCases {
      metrics.sample([("reason", reason.rawValue)], value: lost.byReason[reason] ?? 0)
    }
  }

  private static func labels(_ target: TargetSnapshot) -> [(String, String)] {
    [("pid", String(target.pid)), ("name", target.name)]
  }

  private static func labels(_ site: SiteSnapshot, process: String) -> [(String, String)] {
    let frame = site.stack.first { $0.function != nil } ?? site.stack.first
    return [
      ("site", site.id.description), ("pid", String(site.pid)), ("name", process),
      ("function", frame?.function ?? ""), ("module", frame?.module ?? ""),
      ("verdict", site.assessment.verdict.rawValue),
    ]
  }
}
