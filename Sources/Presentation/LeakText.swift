package import AllocationModel

/// What a command left allocated when it ended, as text for people.
package struct LeakText: Sendable {
  let width: Int
  private let usesColor: Bool
  private let maximumFrames: Int
  let maximumSites: Int

  /// - Parameters:
  ///   - width: characters of the longest line; less than 20 is taken as 20.
  ///   - maximumSites: leaks shown before the rest is only counted, ≥ 1.
  package init(width: Int, usesColor: Bool = false, maximumFrames: Int, maximumSites: Int) {
    self.width = max(20, width)
    self.usesColor = usesColor
    self.maximumFrames = maximumFrames
    self.maximumSites = max(1, maximumSites)
  }

  /// Lines of at most `width` characters, each with its newline.
  ///
  /// - Parameters:
  ///   - lost: events that were not counted, so that a free may have gone unseen.
  ///   - obstacle: why it can't be told what is still referenced, without a full stop; nil if nobody asked.
  package func render(
    _ report: LeakReport, lost: LossCounts, obstacle: String? = nil
  ) -> String {
    var lines: [Line] = []
    // Where all was freed nothing can be lost.
    if let obstacle, !report.leaks.isEmpty {
      lines += wrapped(
        "what is still referenced can't be told, so all that was never freed counts: \(obstacle)",
        .yellow)
    }
    lines += wrapped(headline(report), report.isFailure ? .red : .bold)
    lines += self.lines(of: report) + self.lines(for: report.suppressed)
    return text(lines + self.lines(for: lost))
  }

  /// Each site with its stack, and how many more there are.
  func lines(of report: LeakReport) -> [Line] {
    var lines: [Line] = []
    for site in report.leaks.prefix(maximumSites) {
      lines += wrapped(figures(site.counters), .bold)
      lines += self.lines(for: site.stack, site.ending)
    }
    let rest = report.leaks.dropFirst(maximumSites)
    if !rest.isEmpty {
      let total = rest.reduce(AllocationCounters()) { $0 + $1.counters }
      lines.append(more(rest.count, total.liveBytes, total.liveBlocks))
    }
    return lines
  }

  func lines(for stack: [Frame], _ ending: StackEnding) -> [Line] {
    StackText(width: width - 4, maximumFrames: maximumFrames).lines(for: stack, ending: ending)
      .map { $0.indented(by: 4) }
  }

  func more(_ count: Int, _ bytes: UInt64, _ blocks: UInt64) -> Line {
    Line("… \(Figure.stacks(count, adjective: "more ")), \(Figure.amount(bytes, blocks))", .dim)
      .fitted(to: width)
  }

  func lines(for suppressed: [SuppressedLeaks]) -> [Line] {
    suppressed.flatMap { entry in
      wrapped(
        "suppressed by leak:\(entry.pattern): \(Figure.amount(entry.bytes, entry.blocks)) "
          + "from \(Figure.stacks(entry.siteCount))", .dim)
    }
  }

  func lines(for lost: LossCounts) -> [Line] {
    guard lost.total > 0 else { return [] }
    return wrapped(
      "\(Figure.count(lost.total)) events were lost, so blocks may be missing here or wrongly "
        + "among the leaks", .yellow)
  }

  func text(_ lines: [Line]) -> String {
    lines.map { $0.rendered(usesColor: usesColor) + "\n" }.joined()
  }

  private func headline(_ report: LeakReport) -> String {
    guard !report.leaks.isEmpty else { return "no leaks: everything was freed or is suppressed" }
    let sum =
      "\(Figure.amount(report.leakedBytes, report.leakedBlocks)) from "
      + Figure.stacks(report.leaks.count)
    return "not freed when the command ended: \(sum)\(limitClause(report.limit, report.isFailure))"
  }

  func limitClause(_ limit: UInt64, _ isFailure: Bool) -> String {
    limit == 0
      ? "" : ", \(isFailure ? "more than" : "within") the limit of \(Figure.bytes(limit))"
  }

  private func figures(_ counters: AllocationCounters) -> String {
    "\(Figure.amount(counters.liveBytes, counters.liveBlocks)), "
      + "\(Figure.count(counters.freedBlocks)) of \(Figure.count(counters.allocatedBlocks)) freed"
  }

  func wrapped(_ text: String, _ style: Line.Style) -> [Line] {
    text.wrapped(to: width).map { Line($0, style) }
  }
}
