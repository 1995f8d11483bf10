package import AllocationModel

/// What a heap is made of, as text for people.
package struct HeapReport: Sendable {
  private let width: Int
  private let usesColor: Bool
  private let maximumRows: Int

  /// - Parameters:
  ///   - width: characters of the longest line; less than 20 is taken as 20.
  ///   - usesColor: ANSI escape sequences in the text.
  ///   - maximumRows: arenas shown, and sizes of blocks that pin pages, ≥ 1.
  package init(width: Int, usesColor: Bool = false, maximumRows: Int) {
    self.width = max(20, width)
    self.usesColor = usesColor
    self.maximumRows = max(1, maximumRows)
  }

  /// Lines of at most `width` characters, each with its newline.
  package func render(_ account: HeapAccount) -> String {
    var lines = headline(account)
    lines += [Line()] + residence(account.residence)
    lines += [Line()] + table(.arenas, account.arenas, limit: maximumRows)
    lines += [Line()] + table(.sizeClasses, account.classes, limit: .max)
    if !account.pins.isEmpty {
      let pages = account.pins.reduce(0) { $0 + $1.pages }
      let noun = pages == 1 ? "page is" : "pages are"
      lines += [Line()] + wrapped("\(Figure.count(pages)) \(noun) at least 7/8 free", .bold)
      lines += table(.pins, account.pins, limit: maximumRows)
    }
    return lines.map { $0.rendered(usesColor: usesColor) + "\n" }.joined()
  }

  private func headline(_ account: HeapAccount) -> [Line] {
    let residence = account.residence
    let free = account.free
    let arenas = account.arenas.count == 1 ? "1 arena" : "\(account.arenas.count) arenas"
    var lines = wrapped(
      "\(account.allocator), pid \(account.pid): \(Figure.bytes(account.live.bytes)) live in "
        + "\(Figure.blocks(account.live.blocks)), \(arenas), \(Figure.blocks(account.mapped.blocks)) "
        + "of \(Figure.bytes(account.mapped.bytes)) mapped on their own", .bold)
    lines += wrapped(
      "fragmentation \(residence.fragmentation.percentage): of \(Figure.bytes(residence.heapBytes)) "
        + "of resident heap \(Figure.bytes(residence[.live])) are in use")
    lines += wrapped(
      "free: \(Figure.bytes(free.cached + free.fast)) in caches, \(Figure.bytes(free.binned)) in "
        + "bins, \(Figure.bytes(free.top)) at the ends of arenas; the largest piece has "
        + Figure.bytes(free.largest))
    lines += wrapped(
      "rounding: at most \(Figure.bytes(account.roundingLimit)) of what is live was not asked for")
    lines += wrapped("malloc_trim(0) would give back \(Figure.bytes(residence[.trimmable]))")
    return lines
  }

  private func residence(_ residence: Residence) -> [Line] {
    let total = residence.total
    func row(_ name: String, _ bytes: UInt64) -> ResidenceRow {
      ResidenceRow(name: name, bytes: bytes, share: total > 0 ? Double(bytes) / Double(total) : 0)
    }
    let rows =
      Residence.Part.allCases.map { row($0.words, residence[$0]) } + [row("sum", total)]
    return table(.residence, rows, limit: .max) + wrapped(residue(residence), .dim)
  }

  private func residue(_ residence: Residence) -> String {
    guard let counted = residence.kernelBytes, let residue = residence.residue else {
      return "the kernel was not asked for its own sum"
    }
    let comparison =
      residue == 0
      ? "the same"
      : "\(Figure.bytes(residue.magnitude)) \(residue > 0 ? "more" : "less")"
    return "the kernel counts \(Figure.bytes(counted)), \(comparison)"
  }

  private func table<Row: Sendable>(_ columns: ColumnSet<Row>, _ rows: [Row], limit: Int) -> [Line]
  {
    let shown = Array(rows.prefix(limit))
    let table = TextTable(columns, fitting: shown, width: width)
    var lines = [table.header] + shown.map(table.row)
    if rows.count > shown.count {
      let rest = Figure.count(UInt64(rows.count - shown.count))
      lines.append(Line("… \(rest) more", .dim).fitted(to: width))
    }
    return lines
  }

  private func wrapped(_ text: String, _ style: Line.Style = .plain) -> [Line] {
    text.wrapped(to: width).map { Line($0, style) }
  }
}

extension Residence.Part {
  /// What a person reads.
  fileprivate var words: String {
    switch self {
    case .live: "live blocks"
    case .headers: "headers, and the allocator's own"
    case .caches: "free in caches"
    case .trimmable: "free, malloc_trim(0) gives it back"
    case .kept: "free whole pages that it keeps"
    case .pinned: "free beside blocks"
    case .stacks: "stacks"
    case .code: "code"
    case .data: "variables of program and libraries"
    case .files: "other files and shared memory"
    case .other: "other"
    }
  }
}
