package import AllocationModel

/// A table of sites in as many columns as fit into a width.
package struct TextTable: Sendable {
  private struct Slot {
    var column: Column
    var width: Int
  }

  private static let gap = 2

  private let slots: [Slot]
  private let width: Int

  /// Chooses columns for exactly these rows and lines of at most `width` (≥ 1) characters.
  ///
  /// The column `pid` is left out where all rows have one pid.
  package init(fitting sites: [SiteSnapshot], width: Int) {
    self.width = width
    let hasOneProcess = Set(sites.map(\.pid)).count <= 1
    var room = width
    var chosen: [String: Int] = [:]
    for column in Column.byImportance where !(hasOneProcess && column.title == Column.pid.title) {
      let needed = sites.reduce(max(column.width, column.title.count)) {
        max($0, column.value($1).count)
      }
      let isFirst = chosen.isEmpty
      guard needed + (isFirst ? 0 : Self.gap) <= room else { break }
      room -= needed + (isFirst ? 0 : Self.gap)
      chosen[column.title] = needed
    }
    slots = Column.all.compactMap { column in
      chosen[column.title].map { Slot(column: column, width: $0) }
    }
  }

  /// The titles of the columns.
  package var header: Line {
    line { slot in (slot.column.title, .bold) }
  }

  /// The figures of one site.
  package func row(_ site: SiteSnapshot) -> Line {
    line { slot in
      let isVerdict = slot.column.title == Column.verdict.title
      return (slot.column.value(site), isVerdict ? site.assessment.verdict.style : .plain)
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
