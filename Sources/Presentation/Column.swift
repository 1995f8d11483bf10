package import AllocationModel

/// One figure of a site as a table shows it, declared once for everything that has columns.
package struct Column: Sendable {
  package enum Alignment: Sendable {
    case leading, trailing
  }

  /// What a figure counts.
  package enum Unit: String, Sendable {
    case bytes, bytesPerSecond, blocks, seconds, none
  }

  /// Upper case, unique.
  package let title: String
  package let unit: Unit
  /// Characters that ordinary values need; a table widens a column for values that need more.
  package let width: Int
  package let alignment: Alignment
  package let value: @Sendable (SiteSnapshot) -> String

  package init(
    title: String,
    unit: Unit = .none,
    width: Int,
    alignment: Alignment = .trailing,
    value: @escaping @Sendable (SiteSnapshot) -> String
  ) {
    self.title = title
    self.unit = unit
    self.width = width
    self.alignment = alignment
    self.value = value
  }
}

extension Column {
  package static let growth = Column(title: "GROWTH", unit: .bytesPerSecond, width: 11) {
    Figure.rate($0.growth.bytesPerSecond)
  }
  /// The bounds between which growth lies, with 95 % confidence.
  package static let lowestGrowth = Column(title: "AT LEAST", unit: .bytesPerSecond, width: 11) {
    Figure.rate($0.growth.low)
  }
  package static let highestGrowth = Column(title: "AT MOST", unit: .bytesPerSecond, width: 11) {
    Figure.rate($0.growth.high)
  }
  package static let liveBytes = Column(title: "LIVE", unit: .bytes, width: 8) {
    Figure.bytes($0.counters.liveBytes)
  }
  package static let liveBlocks = Column(title: "BLOCKS", unit: .blocks, width: 9) {
    Figure.count($0.counters.liveBlocks)
  }
  package static let allocatedBytes = Column(title: "ALLOCATED", unit: .bytes, width: 9) {
    Figure.bytes($0.counters.allocatedBytes)
  }
  package static let allocatedBlocks = Column(title: "ALLOCS", unit: .blocks, width: 10) {
    Figure.count($0.counters.allocatedBlocks)
  }
  package static let freedBytes = Column(title: "FREED", unit: .bytes, width: 8) {
    Figure.bytes($0.counters.freedBytes)
  }
  package static let freedBlocks = Column(title: "FREES", unit: .blocks, width: 10) {
    Figure.count($0.counters.freedBlocks)
  }
  /// Age of the oldest live block.
  package static let oldest = Column(title: "OLDEST", unit: .seconds, width: 7) {
    $0.oldest.map(Figure.duration) ?? "-"
  }
  package static let pid = Column(title: "PID", width: 7) { String($0.pid) }
  package static let verdict = Column(title: "VERDICT", width: 8, alignment: .leading) {
    $0.assessment.verdict.rawValue
  }
  package static let site = Column(title: "SITE", width: 16, alignment: .leading) {
    $0.id.description
  }

  /// Every column, from left to right.
  package static let all: [Column] = [
    growth, lowestGrowth, highestGrowth, liveBytes, liveBlocks, allocatedBytes, freedBytes,
    allocatedBlocks, freedBlocks, oldest, pid, verdict, site,
  ]

  /// Every column, what a narrow table can do without last.
  package static let byImportance: [Column] = [
    growth, liveBytes, verdict, liveBlocks, pid, oldest, allocatedBytes, freedBytes, lowestGrowth,
    highestGrowth, allocatedBlocks, freedBlocks, site,
  ]
}
