package import AllocationModel

/// A snapshot as text for people: targets, what was lost, then sites with their stacks.
package struct TextReport: Sendable {
  private let width: Int
  private let usesColor: Bool
  private let maximumFrames: Int

  private static let maximumMappings = 5

  /// - Parameters:
  ///   - width: characters of the longest line; less than 20 is taken as 20.
  ///   - usesColor: ANSI escape sequences in the text.
  ///   - maximumFrames: frames shown of each stack, ≥ 1.
  package init(width: Int, usesColor: Bool = false, maximumFrames: Int = 10) {
    self.width = max(20, width)
    self.usesColor = usesColor
    self.maximumFrames = max(1, maximumFrames)
  }

  /// Lines of at most `width` characters, each with its newline.
  package func render(_ snapshot: Snapshot) -> String {
    var lines: [Line] = []
    let header = TargetHeader(width: width)
    for target in snapshot.targets {
      lines += header.lines(for: target, elapsed: snapshot.elapsed)
    }
    lines += losses(snapshot.lost) + [Line()]
    lines += siteSection(snapshot)
    if !snapshot.mappings.isEmpty { lines += mappingSection(snapshot.mappings) }
    return lines.map { $0.rendered(usesColor: usesColor) + "\n" }.joined()
  }

  private func losses(_ lost: LossCounts) -> [Line] {
    guard lost.total > 0 else { return [Line("nothing lost", .dim)] }
    let reasons = LossReason.allCases.compactMap { reason in
      lost.byReason[reason].map { "\(reason.words) (\(Figure.count($0)))" }
    }
    let events = lost.total == 1 ? "event" : "events"
    return "lost \(Figure.count(lost.total)) \(events): \(reasons.joined(separator: ", "))"
      .wrapped(to: width).map { Line($0, .yellow) }
  }

  private func siteSection(_ snapshot: Snapshot) -> [Line] {
    var lines: [Line] = []
    if snapshot.sites.isEmpty, snapshot.omittedSiteCount == 0 {
      lines.append(Line("no allocation seen yet", .dim).fitted(to: width))
    }
    lines += table(of: snapshot.sites)
    if snapshot.omittedSiteCount > 0 {
      let count = Figure.count(UInt64(snapshot.omittedSiteCount))
      lines.append(Line("… \(count) more sites", .dim).fitted(to: width))
    }
    return lines
  }

  private func mappingSection(_ mappings: [SiteSnapshot]) -> [Line] {
    let total = mappings.reduce(AllocationCounters()) { $0 + $1.counters }
    let title =
      "Mappings outside the allocator: \(Figure.bytes(total.liveBytes)) "
      + "in \(Figure.count(total.liveBlocks))"
    var lines = [Line()] + title.wrapped(to: width).map { Line($0, .bold) }
    lines += table(of: Array(mappings.prefix(Self.maximumMappings)))
    if mappings.count > Self.maximumMappings {
      let rest = Figure.count(UInt64(mappings.count - Self.maximumMappings))
      lines.append(Line("… \(rest) more", .dim))
    }
    return lines
  }

  /// Titles, then for each site its figures, its reason and its stack, indented ever further.
  private func table(of sites: [SiteSnapshot]) -> [Line] {
    guard !sites.isEmpty else { return [] }
    let table = TextTable(fitting: sites, width: width)
    let stack = StackText(width: width - 4, maximumFrames: maximumFrames)
    var lines = [table.header]
    for site in sites {
      lines.append(table.row(site))
      for text in site.assessment.reason.wrapped(to: width - 2) { lines.append(Line("  " + text)) }
      for frame in stack.lines(for: site.stack, ending: site.ending) {
        lines.append(frame.indented(by: 4))
      }
    }
    return lines
  }
}

extension LossReason {
  /// The name in words.
  fileprivate var words: String {
    String(rawValue.map { $0 == "_" ? " " : $0 })
  }
}
