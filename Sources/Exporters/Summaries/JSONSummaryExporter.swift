package import AllocationModel

/// A summary as one JSON object on one line, schema `heaptap.summary/1`.
///
/// Bytes and seconds are plain numbers, times are ISO 8601 in UTC. Fields are only ever added.
package struct JSONSummaryExporter: Sendable {
  package init() {}

  /// The object with a newline at its end.
  package func text(for summary: Summary) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.summary/1")
      writer.object("period") { writer in
        writer.member("from", Timestamp(unixNanoseconds: summary.period.from).description)
        writer.member("to", Timestamp(unixNanoseconds: summary.period.to).description)
        writer.member("duration_s", summary.period.duration)
        writer.member("snapshots", summary.snapshotCount)
      }
      writer.object("host") { writer in
        writer.member("name", summary.host.name)
        writer.member("kernel", summary.host.kernel)
      }
      writer.member("heaptap", summary.host.heaptapVersion)
      writer.object("totals") { writer in
        writer.member("processes", summary.processes.count { !$0.hasExited })
        Self.write(&writer, summary.totals)
      }
      writer.list("suspects", summary.suspects, Self.write)
      writer.member("omitted_suspects", summary.omittedSuspectCount)
      writer.list("resolved", summary.resolved, Self.write)
      writer.list("processes", summary.processes, Self.write)
      Self.write(&writer, "lost", summary.lost)
      Self.write(&writer, "lost_since_start", summary.lostSinceStart)
    }
    return writer.text + "\n"
  }

  private static func write(_ writer: inout JSONWriter, _ process: ProcessSummary) {
    writer.object { writer in
      writer.member("pid", process.pid)
      writer.member("name", process.name)
      writer.member("mode", process.mode.rawValue)
      writer.member("appeared", process.appeared)
      writer.member("exited", process.hasExited)
      writer.member("allocator_found", process.hasVisibleAllocator)
      for (name, figures) in [
        ("first", process.first), ("last", process.last), ("peak", process.peak),
      ] {
        writer.object(name) { write(&$0, figures, hasLive: !process.isEstimated) }
      }
      let flow = process.isEstimated ? nil : process.flow
      writer.member("growth_bytes", process.isEstimated ? nil : process.growth)
      writer.member("growth_bytes_before", process.growthBefore)
      writer.member("allocated_bytes", flow?.allocatedBytes)
      writer.member("allocated_blocks", flow?.allocatedBlocks)
      writer.member("freed_bytes", flow?.freedBytes)
      writer.member("freed_blocks", flow?.freedBlocks)
    }
  }

  private static func write(
    _ writer: inout JSONWriter, _ figures: ProcessFigures, hasLive: Bool = true
  ) {
    writer.member("live_bytes", hasLive ? figures.liveBytes : nil)
    writer.member("live_blocks", hasLive ? figures.liveBlocks : nil)
    writer.member("rss_bytes", figures.residentBytes)
    writer.member("rss_anon_bytes", figures.residentAnonymousBytes)
  }

  private static func write(_ writer: inout JSONWriter, _ suspect: SuspectSummary) {
    let site = suspect.site
    writer.object { writer in
      writer.member("id", site.id.description)
      writer.member("pid", site.pid)
      writer.member("process", suspect.processName)
      writer.member("verdict", site.assessment.verdict.rawValue)
      writer.member("reason", site.assessment.reason)
      writer.member("new", suspect.isNew)
      JSONSnapshotExporter.write(&writer, site.counters)
      let isEstimate = site.estimate != nil
      writer.member("live_bytes_first", isEstimate ? nil : suspect.firstLiveBytes)
      writer.member("live_bytes_peak", isEstimate ? nil : suspect.peakLiveBytes)
      writer.member("growth_bytes_per_s", site.growth.bytesPerSecond)
      writer.member("growth_low", site.growth.low)
      writer.member("growth_high", site.growth.high)
      writer.member("growth_bytes_per_s_before", suspect.growthBefore)
      writer.member("oldest_s", site.oldest)
      writer.list("stack", site.stack, JSONSnapshotExporter.write)
      writer.member("truncated_by", site.ending == .complete ? nil : site.ending.rawValue)
      JSONSnapshotExporter.write(&writer, site.estimate)
    }
  }

  private static func write(_ writer: inout JSONWriter, _ resolved: ResolvedSuspect) {
    writer.object { writer in
      writer.member("id", resolved.id.description)
      writer.member("pid", resolved.pid)
      writer.member("process", resolved.processName)
      writer.member("function", resolved.function)
      writer.member("verdict", resolved.assessment?.verdict.rawValue)
      writer.member("reason", resolved.assessment?.reason)
    }
  }

  private static func write(_ writer: inout JSONWriter, _ name: String, _ lost: LossCounts) {
    writer.object(name) { writer in
      writer.member("total", lost.total)
      writer.object("by_reason") { writer in
        for reason in LossReason.allCases {
          if let count = lost.byReason[reason] { writer.member(reason.rawValue, count) }
        }
      }
    }
  }
}
