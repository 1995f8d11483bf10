package import AllocationModel

extension ColumnSet where Row == TargetSnapshot {
  package static var processes: ColumnSet {
    ColumnSet(
      all: [
        Column("PID", width: 7) { String($0.pid) },
        Column(
          "GROWTH", unit: .bytesPerSecond, width: 11,
          style: { $0.anonymousGrowth.low > 0 ? .red : .plain }
        ) { $0.peakAnonymousBytes == nil ? "-" : Figure.rate($0.anonymousGrowth.bytesPerSecond) },
        Column("AT LEAST", unit: .bytesPerSecond, width: 11) {
          $0.peakAnonymousBytes == nil ? "-" : Figure.rate($0.anonymousGrowth.low)
        },
        // Resident anonymous memory.
        Column("ANON RSS", unit: .bytes, width: 8) {
          $0.residentAnonymousBytes.map(Figure.bytes) ?? "-"
        },
        Column("PEAK", unit: .bytes, width: 8) {
          $0.peakAnonymousBytes.map(Figure.bytes) ?? "-"
        },
        // The data segment, resident or not.
        Column("HEAP", unit: .bytes, width: 8) { $0.heapBytes.map(Figure.bytes) ?? "-" },
        // Blocks that were seen to be allocated and not to be freed: known where every call is counted.
        Column("LIVE", unit: .bytes, width: 8) {
          $0.mode == .exact ? Figure.bytes($0.counters.liveBytes) : "-"
        },
        Column(
          "STATE", width: 7, alignment: .leading,
          style: { $0.ending == .outOfMemory ? .red : .plain }
        ) { $0.state },
        Column("PROCESS", width: 15, alignment: .leading, isFlexible: true) { $0.name },
      ],
      importance: [
        "PROCESS", "GROWTH", "ANON RSS", "PID", "STATE", "HEAP", "LIVE", "PEAK", "AT LEAST",
      ])
  }
}

extension TargetSnapshot {
  /// How it is observed, or how it ended.
  package var state: String {
    switch ending {
    case .outOfMemory: "OOM-killed"
    case .killed(let signal): "signal \(signal)"
    case .exited(let status): status == 0 ? "exited" : "exited, \(status)"
    case nil: hasExited ? "exited" : mode.rawValue
    }
  }
}
