package import AllocationModel

/// A snapshot as text for people: targets, what was lost, then sites with their stacks.
package struct TextReport: Sendable {
  private let width: Int
  private let usesColor: Bool
  private let maximumFrames: Int

  private static let maximumMappings = 5
  /// More targets are summed up.
  private static let headerLimit = 4

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
    var lines = header(of: snapshot)
    lines += siteSection(snapshot)
    if !snapshot.mappings.isEmpty { lines += mappingSection(snapshot) }
    return text(lines)
  }

  /// The same with groups in place of sites.
  ///
  /// - Parameters:
  ///   - groups: of the whole snapshot, by `key`.
  ///   - limit: how many of them are shown.
  package func render(
    _ snapshot: Snapshot, groups: [GroupSnapshot], by key: GroupKey, limit: Int
  ) -> String {
    let shown = Array(groups.prefix(max(0, limit)))
    var lines = header(of: snapshot)
    if groups.isEmpty { lines.append(Line("no allocation seen yet", .dim).fitted(to: width)) }
    if !shown.isEmpty {
      let table = TextTable(.groups(by: key), fitting: shown, width: width)
      lines.append(table.header)
      for group in shown { lines += [table.row(group)] + details(of: group, by: key) }
    }
    if groups.count > shown.count {
      let count = Figure.count(UInt64(groups.count - shown.count))
      lines.append(Line("… \(count) more", .dim).fitted(to: width))
    }
    return text(lines)
  }

  private func text(_ lines: [Line]) -> String {
    lines.map { $0.rendered(usesColor: usesColor) + "\n" }.joined()
  }

  private func header(of snapshot: Snapshot) -> [Line] {
    var lines: [Line] = []
    if snapshot.targets.count > Self.headerLimit {
      lines += SystemSummary(width: width).lines(for: snapshot)
    } else {
      let header = TargetHeader(width: width)
      for target in snapshot.targets {
        lines += header.lines(for: target, elapsed: snapshot.elapsed)
      }
    }
    return lines + losses(snapshot.lost) + [Line()]
  }

  /// The reason and the stack of its worst site: the whole stack only where the group is one.
  private func details(of group: GroupSnapshot, by key: GroupKey) -> [Line] {
    guard let assessment = group.assessment,
      key == .site || assessment.verdict.isSuspicious || assessment.verdict == .settling
    else { return [] }
    let lines = assessment.reason.wrapped(to: width - 2).map { Line("  " + $0) }
    let stack = StackText(
      width: width - 4, maximumFrames: key == .site ? maximumFrames : min(2, maximumFrames))
    return lines
      + stack.lines(for: group.worstStack, ending: .complete).map { $0.indented(by: 4) }
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
    lines += table(of: snapshot.sites, in: snapshot)
    if snapshot.omittedSiteCount > 0 {
      let count = Figure.count(UInt64(snapshot.omittedSiteCount))
      let noun = snapshot.omittedSiteCount == 1 ? "site" : "sites"
      lines.append(Line("… \(count) more \(noun)", .dim).fitted(to: width))
    }
    return lines
  }

  private func mappingSection(_ snapshot: Snapshot) -> [Line] {
    let mappings = snapshot.mappings
    let total = mappings.reduce(AllocationCounters()) { $0 + $1.counters }
    let title =
      "Mappings outside the allocator: \(Figure.bytes(total.liveBytes)) "
      + "in \(Figure.count(total.liveBlocks))"
    var lines = [Line()] + title.wrapped(to: width).map { Line($0, .bold) }
    lines += table(of: Array(mappings.prefix(Self.maximumMappings)), in: snapshot)
    if mappings.count > Self.maximumMappings {
      let rest = Figure.count(UInt64(mappings.count - Self.maximumMappings))
      lines.append(Line("… \(rest) more", .dim))
    }
    return lines
  }

  /// Titles, then for each site its figures, its reason and its stack, indented ever further.
  private func table(of sites: [SiteSnapshot], in snapshot: Snapshot) -> [Line] {
    guard !sites.isEmpty else { return [] }
    let names = Dictionary(snapshot.targets.map { ($0.process, $0.name) }) { first, _ in first }
    let rows = sites.map { SiteRow($0, processName: names[$0.process]) }
    let hasOneProcess = Set(sites.map(\.process)).count <= 1 && snapshot.targets.count <= 1
    let all = ColumnSet<SiteRow>.sites(of: rows)
    let columns = hasOneProcess ? all.without("PID", "PROCESS") : all
    let table = TextTable(columns, fitting: rows, width: width)
    let stack = StackText(width: width - 4, maximumFrames: maximumFrames)
    var lines = [table.header]
    for (site, row) in zip(sites, rows) {
      lines.append(table.row(row))
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
