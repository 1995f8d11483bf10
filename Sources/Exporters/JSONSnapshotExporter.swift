package import AllocationModel

/// A snapshot as one JSON object on one line, schema `heaptap.watch/1`.
///
/// Bytes and seconds are plain numbers. Fields are only ever added; their order is part of what
/// golden files see, not of the schema.
package struct JSONSnapshotExporter: Sendable {
  private let groupKey: GroupKey?

  /// - Parameter groupKey: what "groups" sums by; nil: there are none.
  package init(groupKey: GroupKey? = nil) {
    self.groupKey = groupKey
  }

  /// The object without a newline at its end.
  ///
  /// - Parameter groups: of the whole snapshot, by the key; not written without one.
  package func line(for snapshot: Snapshot, groups: [GroupSnapshot] = []) -> String {
    let names = Dictionary(snapshot.targets.map { ($0.process, $0.name) }) { first, _ in first }
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.watch/1")
      writer.member("time", Timestamp(unixNanoseconds: snapshot.unixNanoseconds).description)
      writer.member("elapsed_s", snapshot.elapsed)
      writer.list("targets", snapshot.targets, Self.write)
      writer.list("sites", snapshot.sites) { writer, site in
        Self.write(&writer, site, names[site.process])
      }
      writer.object("lost") { writer in
        writer.member("total", snapshot.lost.total)
        writer.object("by_reason") { writer in
          for reason in LossReason.allCases {
            if let count = snapshot.lost.byReason[reason] { writer.member(reason.rawValue, count) }
          }
        }
      }
      writer.list("mappings", snapshot.mappings) { writer, site in
        Self.write(&writer, site, names[site.process])
      }
      writer.member("omitted_sites", snapshot.omittedSiteCount)
      if let groupKey {
        writer.member("grouped_by", groupKey.rawValue)
        writer.list("groups", groups, Self.write)
      }
    }
    return writer.text
  }

  private static func write(_ writer: inout JSONWriter, _ target: TargetSnapshot) {
    writer.object { writer in
      writer.member("pid", target.pid)
      writer.member("name", target.name)
      writer.member("mode", target.mode.rawValue)
      // Without probes nothing is known of allocations.
      let isCounted = target.mode != .census
      let isKnown = isCounted && (target.mode != .windows || target.windows?.elapsed != nil)
      write(&writer, isKnown ? target.counters : nil, hasLive: target.mode != .windows)
      writer.member("inherited_frees", isCounted ? target.inheritedFrees : nil)
      writer.member("unknown_frees", isCounted ? target.unknownFrees : nil)
      writer.member("rss_bytes", target.residentBytes)
      writer.member("rss_anon_bytes", target.residentAnonymousBytes)
      writer.member("failed_allocations", isCounted ? target.failedAllocations : nil)
      writer.member("from_start", target.isFromStart)
      writer.member("exited", target.hasExited)
      writer.member("allocator_found", target.hasVisibleAllocator)
      writer.member("start_ticks", target.startTicks == 0 ? nil : target.startTicks)
      writer.member("parent", target.parent)
      writer.member("executable", target.executable)
      writer.member("cgroup", target.cgroup)
      writer.member("heap_bytes", target.heapBytes)
      writer.member("anonymous_bytes", target.residentAnonymousBytes)
      let hasGrowth = target.peakAnonymousBytes != nil
      writer.member(
        "anonymous_growth_bytes_per_s", hasGrowth ? target.anonymousGrowth.bytesPerSecond : nil)
      writer.member("anonymous_growth_low", hasGrowth ? target.anonymousGrowth.low : nil)
      writer.member("anonymous_growth_high", hasGrowth ? target.anonymousGrowth.high : nil)
      writer.member("peak_anonymous_bytes", target.peakAnonymousBytes)
      writer.member("peak_live_bytes", target.mode == .exact ? target.peakLiveBytes : nil)
      write(&writer, target.ending)
      writer.member("obstacle", target.obstacle)
      if let obstacle = target.inspectionObstacle {
        writer.member("inspection_obstacle", obstacle)
      }
      if let windows = target.windows { write(&writer, windows) }
      if let share = target.costShare { writer.member("cost_share", share: share) }
    }
  }

  private static func write(_ writer: inout JSONWriter, _ windows: WindowUse) {
    writer.object("windows") { writer in
      writer.member("count", windows.count)
      writer.member("failed", windows.failedCount)
      if let failure = windows.failure { writer.member("failure", failure) }
      writer.member("open_share", share: windows.openShare)
      writer.member("cost_share", share: windows.costShare)
      writer.member("budget", share: windows.budget)
      writer.member("unattributed_frees", windows.unattributedFrees)
      writer.member("net_bytes", windows.netBytes?.value)
      writer.member("net_bytes_low", windows.netBytes?.low)
      writer.member("net_bytes_high", windows.netBytes?.high)
      writer.member("over_s", windows.elapsed)
    }
  }

  /// What windows gave has its interval, and what it rests on.
  static func write(_ writer: inout JSONWriter, _ estimate: SiteEstimate?) {
    guard let estimate else { return }
    let net = estimate.flow.netBlocks
    writer.member("estimated", true)
    writer.member("sampled_blocks", estimate.flow.sampledBlocks)
    writer.member("window_count", estimate.windowCount)
    writer.member("over_s", estimate.elapsed)
    writer.member("net_blocks", net.value)
    writer.member("net_blocks_low", net.low)
    writer.member("net_blocks_high", net.high)
  }

  /// How a process ended: what is not the case is null.
  private static func write(_ writer: inout JSONWriter, _ ending: ProcessEnding?) {
    guard let ending else {
      writer.member("ended", String?.none)
      return
    }
    var (status, signal): (Int32?, Int32?) = (nil, nil)
    switch ending {
    case .exited(let value): status = value
    case .killed(let value): signal = value
    case .outOfMemory: signal = 9
    }
    writer.object("ended") { writer in
      writer.member("status", status)
      writer.member("signal", signal)
      writer.member("out_of_memory", ending == .outOfMemory)
    }
  }

  private static func write(_ writer: inout JSONWriter, _ group: GroupSnapshot) {
    writer.object { writer in
      writer.member("name", group.name)
      writer.member("pid", group.process?.pid)
      writer.member("processes", group.processCount)
      writer.member("sites", group.siteCount)
      writer.member("verdict", group.assessment?.verdict.rawValue)
      writer.member("reason", group.assessment?.reason)
      write(&writer, group.siteCount > 0 ? group.counters : nil)
      let hasSites = group.siteCount > 0
      writer.member("growth_bytes_per_s", hasSites ? group.growth.bytesPerSecond : nil)
      writer.member("growth_low", hasSites ? group.growth.low : nil)
      writer.member("growth_high", hasSites ? group.growth.high : nil)
      writer.member("anonymous_bytes", group.residentAnonymousBytes)
      writer.member("anonymous_growth_bytes_per_s", group.anonymousGrowth?.bytesPerSecond)
      writer.member("worst_site", group.worstSite?.description)
      writer.list("stack", group.worstStack, write)
      if group.isEstimated { writer.member("estimated", true) }
    }
  }

  private static func write(_ writer: inout JSONWriter, _ site: SiteSnapshot, _ name: String?) {
    writer.object { writer in
      writer.member("id", site.id.description)
      writer.member("pid", site.pid)
      writer.member("verdict", site.assessment.verdict.rawValue)
      writer.member("reason", site.assessment.reason)
      write(&writer, site.counters)
      writer.member("growth_bytes_per_s", site.growth.bytesPerSecond)
      writer.member("growth_low", site.growth.low)
      writer.member("growth_high", site.growth.high)
      writer.member("oldest_s", site.oldest)
      writer.list("stack", site.stack, write)
      writer.member("truncated", site.ending != .complete)
      writer.member("truncated_by", site.ending == .complete ? nil : site.ending.rawValue)
      writer.member("process", name)
      writer.member("start_ticks", site.startTicks == 0 ? nil : site.startTicks)
      writer.member("temporary_blocks", site.estimate == nil ? site.temporaryBlocks : nil)
      writer.member("median_lifetime_s", site.lifetimes?.median)
      writer.member("p90_lifetime_s", site.lifetimes?.percentile90)
      writer.member("peak_bytes", site.estimate == nil ? site.peakBytes : nil)
      write(&writer, site.estimate)
      if let inspection = site.inspection { write(&writer, inspection) }
    }
  }

  /// What the heap itself says.
  private static func write(_ writer: inout JSONWriter, _ inspection: SiteInspection) {
    writer.member("inspected_at_s", inspection.elapsed)
    writer.member("inspected_blocks", inspection.blocks)
    writer.member("unreachable_blocks", inspection.unreachable.blocks)
    writer.member("unreachable_bytes", inspection.unreachable.bytes)
    writer.member("held_by", inspection.holder)
  }

  static func write(_ writer: inout JSONWriter, _ frame: Frame) {
    writer.object { writer in
      writer.member("function", frame.function)
      writer.member("module", frame.module)
      writer.member("build_id", frame.buildID)
      writer.member("offset", Figure.hexadecimal(frame.offset))
      writer.member("file", frame.file)
      writer.member("line", frame.line)
      writer.member("inlined", frame.isInlined)
      writer.member("kind", frame.kind.rawValue)
    }
  }

  static func write(
    _ writer: inout JSONWriter, _ counters: AllocationCounters?, hasLive: Bool = true
  ) {
    writer.member("live_bytes", hasLive ? counters?.liveBytes : nil)
    writer.member("live_blocks", hasLive ? counters?.liveBlocks : nil)
    writer.member("allocated_bytes", counters?.allocatedBytes)
    writer.member("allocated_blocks", counters?.allocatedBlocks)
    writer.member("freed_bytes", counters?.freedBytes)
    writer.member("freed_blocks", counters?.freedBlocks)
  }
}
