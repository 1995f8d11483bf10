/// Where a value stands in its column.
package enum Alignment: Sendable {
  case leading, trailing
}

/// What a figure counts.
package enum Unit: String, Sendable {
  case bytes, bytesPerSecond, blocks, seconds, none
}

/// One figure of a row as a table shows it, declared once for everything that has columns.
package struct Column<Row: Sendable>: Sendable {
  /// Upper case, unique.
  package let title: String
  package let unit: Unit
  /// Characters that ordinary values need; a table widens a column for values that need more.
  package let width: Int
  package let alignment: Alignment
  /// Takes what room is left, and cuts values that need more.
  package let isFlexible: Bool
  package let style: @Sendable (Row) -> Line.Style
  package let value: @Sendable (Row) -> String

  package init(
    _ title: String,
    unit: Unit = .none,
    width: Int,
    alignment: Alignment = .trailing,
    isFlexible: Bool = false,
    style: @escaping @Sendable (Row) -> Line.Style = { _ in .plain },
    value: @escaping @Sendable (Row) -> String
  ) {
    self.title = title
    self.unit = unit
    self.width = width
    self.alignment = alignment
    self.isFlexible = isFlexible
    self.style = style
    self.value = value
  }
}

/// The columns of one kind of table.
package struct ColumnSet<Row: Sendable>: Sendable {
  /// From left to right.
  package let all: [Column<Row>]
  /// The titles of all of them, what a narrow table can do without last.
  package let importance: [String]

  package var byImportance: [Column<Row>] {
    importance.compactMap { title in all.first { $0.title == title } }
  }

  /// Without some columns.
  package func without(_ titles: String...) -> ColumnSet {
    ColumnSet(
      all: all.filter { !titles.contains($0.title) },
      importance: importance.filter { !titles.contains($0) })
  }
}
