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

extension SiteRow {
  fileprivate var isEstimate: Bool { site.estimate != nil }

  /// A figure that windows give, too.
  fileprivate func marked(_ figure: String) -> String {
    Figure.marked(figure, isEstimate: isEstimate)
  }

  fileprivate func marked(_ count: UInt64) -> String {
    marked(isEstimate ? Figure.roughly(count) : Figure.count(count))
  }

  /// A figure that only counting every call gives.
  fileprivate func counted(_ figure: String?) -> String { isEstimate ? "-" : figure ?? "-" }

  fileprivate func estimated(_ figure: (SiteEstimate) -> String) -> String {
    site.estimate.map(figure) ?? "-"
  }
}

extension ColumnSet where Row == SiteRow {
  /// The columns that say something about these rows.
  package static func sites(of rows: [SiteRow]) -> ColumnSet {
    guard rows.contains(where: \.isEstimate) else {
      return sites.without("± 95 %", "NET", "SAMPLED")
    }
    guard rows.allSatisfy(\.isEstimate) else { return sites }
    return sites.without("LIVE", "PEAK", "BLOCKS", "OLDEST", "LIVED")
  }

  /// All columns of tables of sites.
  package static var sites: ColumnSet {
    ColumnSet(
      all: [
        Column("GROWTH", unit: .bytesPerSecond, width: 11) {
          $0.marked(Figure.rate($0.site.growth.bytesPerSecond))
        },
        // How far growth may be off at most, with 95 % confidence.
        Column("± 95 %", unit: .bytesPerSecond, width: 10) { Figure.margin(of: $0.site.growth) },
        // The bounds between which growth lies, with 95 % confidence.
        Column("AT LEAST", unit: .bytesPerSecond, width: 11) {
          $0.marked(Figure.rate($0.site.growth.low))
        },
        Column("AT MOST", unit: .bytesPerSecond, width: 11) {
          $0.marked(Figure.rate($0.site.growth.high))
        },
        Column("LIVE", unit: .bytes, width: 8) {
          $0.counted(Figure.bytes($0.site.counters.liveBytes))
        },
        // What came less what went over the horizon.
        Column("NET", unit: .bytes, width: 9) { row in
          row.estimated { row.marked(Figure.change($0.flow.netBytes.value)) }
        },
        Column("PEAK", unit: .bytes, width: 8) { $0.counted(Figure.bytes($0.site.peakBytes)) },
        Column("BLOCKS", unit: .blocks, width: 9) {
          $0.counted(Figure.count($0.site.counters.liveBlocks))
        },
        // Blocks that were recorded: what estimates rest on.
        Column("SAMPLED", unit: .blocks, width: 7) { row in
          row.estimated { Figure.count($0.flow.sampledBlocks) }
        },
        // Since observation began; what is estimated, over the horizon.
        Column("ALLOCATED", unit: .bytes, width: 9) {
          $0.marked(Figure.bytes($0.site.counters.allocatedBytes))
        },
        Column("FREED", unit: .bytes, width: 8) {
          $0.marked(Figure.bytes($0.site.counters.freedBytes))
        },
        Column("ALLOCS", unit: .blocks, width: 10) {
          $0.marked($0.site.counters.allocatedBlocks)
        },
        Column("FREES", unit: .blocks, width: 10) {
          $0.marked($0.site.counters.freedBlocks)
        },
        // Age of the oldest live block.
        Column("OLDEST", unit: .seconds, width: 7) {
          $0.counted($0.site.oldest.map(Figure.duration))
        },
        // Age of freed blocks, the median.
        Column("LIVED", unit: .seconds, width: 7) {
          $0.counted($0.site.lifetimes.map { Figure.duration($0.median) })
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
        "GROWTH", "LIVE", "VERDICT", "± 95 %", "SAMPLED", "PROCESS", "NET", "BLOCKS", "PID",
        "OLDEST", "ALLOCATED", "FREED", "AT LEAST", "AT MOST", "LIVED", "PEAK", "ALLOCS", "FREES",
        "SITE",
      ])
  }
}

extension Verdict {
  var style: Line.Style {
    switch self {
    case .growing, .unreachable: .red
    case .settling: .yellow
    case .steady: .green
    case .idle, .new, .mixed: .plain
    }
  }
}
