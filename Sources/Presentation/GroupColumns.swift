package import AllocationModel

extension GroupSnapshot {
  /// A sum that windows contribute to.
  fileprivate func marked(_ figure: String) -> String {
    siteCount == 0 ? "-" : Figure.marked(figure, isEstimate: isEstimated)
  }

  /// A sum of what only counting every call gives.
  fileprivate func counted(_ figure: String) -> String {
    siteCount == estimatedSiteCount ? "-" : marked(figure)
  }
}

extension ColumnSet where Row == GroupSnapshot {
  /// What a table of groups shows.
  package static func groups(by key: GroupKey) -> ColumnSet {
    let columns = ColumnSet(
      all: [
        Column("GROWTH", unit: .bytesPerSecond, width: 11) {
          $0.marked(Figure.rate($0.growth.bytesPerSecond))
        },
        Column("AT LEAST", unit: .bytesPerSecond, width: 11) {
          $0.marked(Figure.rate($0.growth.low))
        },
        Column("LIVE", unit: .bytes, width: 8) {
          $0.counted(Figure.bytes($0.counters.liveBytes))
        },
        Column("BLOCKS", unit: .blocks, width: 9) {
          $0.counted(Figure.count($0.counters.liveBlocks))
        },
        Column("ANON RSS", unit: .bytes, width: 8) {
          $0.residentAnonymousBytes.map(Figure.bytes) ?? "-"
        },
        // Of anonymous memory.
        Column("RSS GROWTH", unit: .bytesPerSecond, width: 11) {
          $0.anonymousGrowth.map { Figure.rate($0.bytesPerSecond) } ?? "-"
        },
        Column("SITES", width: 6) { Figure.count(UInt64($0.siteCount)) },
        Column("PROCS", width: 5) { Figure.count(UInt64($0.processCount)) },
        Column("PID", width: 7) { $0.process.map { String($0.pid) } ?? "-" },
        Column(
          "VERDICT", width: 8, alignment: .leading,
          style: { $0.assessment?.verdict.style ?? .plain }
        ) { $0.assessment?.verdict.rawValue ?? "-" },
        Column(key.title, width: 24, alignment: .leading, isFlexible: true) { $0.name ?? "-" },
      ],
      importance: [
        key.title, "GROWTH", "LIVE", "VERDICT", "PROCS", "ANON RSS", "PID", "RSS GROWTH", "BLOCKS",
        "SITES", "AT LEAST",
      ])
    switch key {
    case .site: return columns.without("ANON RSS", "RSS GROWTH", "PID", "SITES")
    case .module: return columns.without("ANON RSS", "RSS GROWTH", "PID")
    case .process: return columns.without("PROCS")
    case .executable, .cgroup: return columns.without("PID")
    }
  }
}

extension GroupKey {
  fileprivate var title: String {
    switch self {
    case .site: "PROGRAM"
    case .process: "PROCESS"
    case .executable: "EXECUTABLE"
    case .cgroup: "CGROUP"
    case .module: "MODULE"
    }
  }
}
