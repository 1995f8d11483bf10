package import AllocationModel

/// A snapshot as one JSON object on one line, schema `heaptap.watch/1`.
///
/// Bytes and seconds are plain numbers. Fields are only ever added; their order is part of what
/// golden files see, not of the schema.
package struct JSONSnapshotExporter: Sendable {
  package init() {}

  /// The object without a newline at its end.
  package func line(for snapshot: Snapshot) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.watch/1")
      writer.member("time", Timestamp(unixNanoseconds: snapshot.unixNanoseconds).description)
      writer.member("elapsed_s", snapshot.elapsed)
      writer.list("targets", snapshot.targets, Self.write)
      writer.list("sites", snapshot.sites, Self.write)
      writer.object("lost") { writer in
        writer.member("total", snapshot.lost.total)
        writer.object("by_reason") { writer in
          for reason in LossReason.allCases {
            if let count = snapshot.lost.byReason[reason] { writer.member(reason.rawValue, count) }
          }
        }
      }
      writer.list("mappings", snapshot.mappings, Self.write)
      writer.member("omitted_sites", snapshot.omittedSiteCount)
    }
    return writer.text
  }

  private static func write(_ writer: inout JSONWriter, _ target: TargetSnapshot) {
    writer.object { writer in
      writer.member("pid", target.pid)
      writer.member("name", target.name)
      writer.member("mode", target.mode.rawValue)
      write(&writer, target.counters)
      writer.member("inherited_frees", target.inheritedFrees)
      writer.member("unknown_frees", target.unknownFrees)
      writer.member("rss_bytes", target.residentBytes)
      writer.member("rss_anon_bytes", target.residentAnonymousBytes)
      writer.member("failed_allocations", target.failedAllocations)
      writer.member("from_start", target.isFromStart)
      writer.member("exited", target.hasExited)
      writer.member("allocator_found", target.hasVisibleAllocator)
    }
  }

  private static func write(_ writer: inout JSONWriter, _ site: SiteSnapshot) {
    writer.object { writer in
      writer.member("id", site.id.description)
      writer.member("pid", site.pid)
      writer.member("verdict", site.assessment.verdict.rawValue)
      writer.member("reason", site.assessment.reason)
      write(&writer, site.counters)
      writer.member("growth_bytes_per_s", site.growth.bytesPerSecond)
      writer.member("growth_low", site.growth.low)
      writer.member("growth_high", site.growth.high)
      writer.member("oldest_s", site.oldest ?? 0)
      writer.list("stack", site.stack, write)
      writer.member("truncated", site.ending != .complete)
      writer.member("truncated_by", site.ending == .complete ? nil : site.ending.rawValue)
    }
  }

  static func write(_ writer: inout JSONWriter, _ frame: Frame) {
    writer.object { writer in
      writer.member("function", frame.function)
      writer.member("module", frame.module)
      writer.member("build_id", frame.buildID)
      writer.member("offset", "0x" + String(frame.offset, radix: 16))
      writer.member("file", frame.file)
      writer.member("line", frame.line)
      writer.member("inlined", frame.isInlined)
      writer.member("kind", frame.kind.rawValue)
    }
  }

  static func write(_ writer: inout JSONWriter, _ counters: AllocationCounters) {
    writer.member("live_bytes", counters.liveBytes)
    writer.member("live_blocks", counters.liveBlocks)
    writer.member("allocated_bytes", counters.allocatedBytes)
    writer.member("allocated_blocks", counters.allocatedBlocks)
    writer.member("freed_bytes", counters.freedBytes)
    writer.member("freed_blocks", counters.freedBlocks)
  }
}
