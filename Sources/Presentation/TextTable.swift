/// A table in as many columns as fit into a width.
package struct TextTable<Row: Sendable>: Sendable {
  private struct Slot {
    var column: Column<Row>
    var width: Int
  }

  private static var gap: Int { 2 }

  private let slots: [Slot]
  private let width: Int

  /// Chooses columns for exactly these rows and lines of at most `width` (≥ 1) characters.
  package init(_ columns: ColumnSet<Row>, fitting rows: [Row], width: Int) {
    self.width = width
    var room = width
    var chosen: [String: Int] = [:]
    var flexible: (title: String, wanted: Int)?
    for column in columns.byImportance {
      let least = column.isFlexible ? column.title.count : max(column.width, column.title.count)
      let wanted = rows.reduce(least) { max($0, column.value($1).printable.count) }
      let needed = column.isFlexible ? min(wanted, max(column.width, least)) : wanted
      let gap = chosen.isEmpty ? 0 : Self.gap
      guard needed + gap <= room else { break }
      room -= needed + gap
      chosen[column.title] = needed
      if column.isFlexible { flexible = (column.title, wanted) }
    }
    if let flexible, let narrow = chosen[flexible.title] {
      chosen[flexible.title] = min(flexible.wanted, narrow + room)
    }
    slots = columns.all.compactMap { column in
      chosen[column.title].map { Slot(column: column, width: $0) }
    }
  }

  /// The titles of the columns.
  package var header: Line {
    line { slot in (slot.column.title, .bold) }
  }

  /// The figures of one row.
  package func row(_ row: Row) -> Line {
    line { slot in
      let text = slot.column.value(row)
      return (
        slot.column.isFlexible ? text.printable.cutAsName(to: slot.width) : text,
        slot.column.style(row)
      )
    }
  }

  private func line(_ cell: (Slot) -> (text: String, style: Line.Style)) -> Line {
    var line = Line()
    for (index, slot) in slots.enumerated() {
      if index > 0 { line.append(String(repeating: " ", count: Self.gap)) }
      let (text, style) = cell(slot)
      line.append(text.padded(to: slot.width, alignment: slot.column.alignment), style)
    }
    return line.fitted(to: width)
  }
}
