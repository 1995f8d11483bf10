/// How much of a heap is of which type.
package struct TypeCensus: Hashable, Sendable {
  package struct Row: Hashable, Sendable {
    package var type: BlockType
    package var total: HeapLeaks.Total
    /// Since a former census; nil where there was none.
    package var growth: Growth?

    package init(type: BlockType, total: HeapLeaks.Total, growth: Growth? = nil) {
      self.type = type
      self.total = total
      self.growth = growth
    }

    package var averageByteCount: Double {
      total.blocks == 0 ? 0 : Double(total.bytes) / Double(total.blocks)
    }
  }

  /// May be negative.
  package struct Growth: Hashable, Sendable {
    package var blocks: Int64
    package var bytes: Int64

    package init(blocks: Int64, bytes: Int64) {
      self.blocks = blocks
      self.bytes = bytes
    }
  }

  package var pid: Int32
  /// The most bytes first; after a comparison, what has grown most.
  package var rows: [Row]

  package init(pid: Int32, rows: [Row]) {
    self.pid = pid
    self.rows = rows.sorted {
      ($0.total.bytes, $1.type.name) > ($1.total.bytes, $0.type.name)
    }
  }

  package var total: HeapLeaks.Total {
    rows.reduce(into: HeapLeaks.Total()) {
      $0.blocks += $1.total.blocks
      $0.bytes += $1.total.bytes
    }
  }

  /// The same census with what each type has grown by since a former one; types that are gone are rows without blocks.
  package func compared(with former: TypeCensus) -> TypeCensus {
    var before = Dictionary(
      former.rows.map { ($0.type, $0.total) }, uniquingKeysWith: { first, _ in first })
    var compared = self
    compared.rows = rows.map { row in
      var row = row
      row.growth = Growth(from: before.removeValue(forKey: row.type) ?? .init(), to: row.total)
      return row
    }
    compared.rows += before.map { type, total in
      Row(type: type, total: .init(), growth: Growth(from: total, to: .init()))
    }
    compared.rows.sort {
      let (one, other) = ($0.growth?.bytes ?? 0, $1.growth?.bytes ?? 0)
      return (one, $0.total.bytes, $1.type.name) > (other, $1.total.bytes, $0.type.name)
    }
    return compared
  }
}

extension TypeCensus.Growth {
  fileprivate init(from former: HeapLeaks.Total, to latter: HeapLeaks.Total) {
    blocks = Int64(clamping: latter.blocks) - Int64(clamping: former.blocks)
    bytes = Int64(clamping: latter.bytes) - Int64(clamping: former.bytes)
  }
}
