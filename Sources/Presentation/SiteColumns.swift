package import AllocationModel

/// A site with the name of its process.
package struct SiteRow: Sendable {
  package var site: SiteSnapshot
  package var processName: String?

  package init(_ site: SiteSnapshot, processName: String? = nil) {
    self.site = site
    self.processName = processName
  }
}

extension ColumnSet where Row == SiteRow {
  package static var sites: ColumnSet {
    ColumnSet(
      all: [
        Column("GROWTH", unit: .bytesPerSecond, width: 11) {
          Figure.rate($0.site.growth.bytesPerSecond)
        },
        // The bounds between which growth lies, with 95 % confidence.
        Column("AT LEAST", unit: .bytesPerSecond, width: 11) { Figure.rate($0.site.growth.low) },
        Column("AT MOST", unit: .bytesPerSecond, width: 11) { Figure.rate($0.site.growth.high) },
        Column("LIVE", unit: .bytes, width: 8) { Figure.bytes($0.site.counters.liveBytes) },
        Column("PEAK", unit: .bytes, width: 8) { Figure.bytes($0.site.peakBytes) },
        Column("BLOCKS", unit: .blocks, width: 9) { Figure.count($0.site.counters.liveBlocks) },
        // Since observation began.
        Column("ALLOCATED", unit: .bytes, width: 9) {
          Figure.bytes($0.site.counters.allocatedBytes)
        },
        Column("FREED", unit: .bytes, width: 8) { Figure.bytes($0.site.counters.freedBytes) },
        Column("ALLOCS", unit: .blocks, width: 10) {
          Figure.count($0.site.counters.allocatedBlocks)
        },
        Column("FREES", unit: .blocks, width: 10) { Figure.count($0.site.counters.freedBlocks) },
        // Age of the oldest live block.
        Column("OLDEST", unit: .seconds, width: 7) {
          $0.site.oldest.map(Figure.duration) ?? "-"
        },
        // Age of freed blocks, the median.
        Column("LIVED", unit: .seconds, width: 7) {
          $0.site.lifetimes.map { Figure.duration($0.median) } ?? "-"
        },
        Column("PID", width: 7) { String($0.site.pid) },
        Column("PROCESS", width: 15, alignment: .leading, isFlexible: true) {
          $0.processName ?? "-"
        },
        Column(
          "VERDICT", width: 8, alignment: .leading, style: { $0.site.assessment.verdict.style }
        ) { $0.site.assessment.verdict.rawValue },
        Column("SITE", width: 16, alignment: .leading) { $0.site.id.description },
      ],
      importance: [
        "GROWTH", "LIVE", "VERDICT", "PROCESS", "BLOCKS", "PID", "OLDEST", "ALLOCATED", "FREED",
        "AT LEAST", "AT MOST", "LIVED", "PEAK", "ALLOCS", "FREES", "SITE",
      ])
  }
}

extension Verdict {
  var style: Line.Style {
    switch self {
    case .growing: .red
    case .settling: .yellow
    case .steady: .green
    case .idle, .new, .mixed: .plain
    }
  }
}
