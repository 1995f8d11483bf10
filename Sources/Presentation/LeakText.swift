package import AllocationModel

/// What a command left allocated when it ended, as text for people.
package struct LeakText: Sendable {
  private let width: Int
  private let usesColor: Bool
  private let maximumFrames: Int
  private let maximumSites: Int

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
  /// - Parameter lost: events that were not counted, so that a free may have gone unseen.
  package func render(_ report: LeakReport, lost: LossCounts) -> String {
    var lines = wrapped(headline(report), report.isFailure ? .red : .bold)
    let stack = StackText(width: width - 4, maximumFrames: maximumFrames)
    for site in report.leaks.prefix(maximumSites) {
      lines += wrapped(figures(site.counters), .bold)
      lines += stack.lines(for: site.stack, ending: site.ending).map { $0.indented(by: 4) }
    }
    let rest = report.leaks.dropFirst(maximumSites)
    if !rest.isEmpty {
      let total = rest.reduce(AllocationCounters()) { $0 + $1.counters }
      let noun = rest.count == 1 ? "stack" : "stacks"
      let sum = "\(Figure.bytes(total.liveBytes)) in \(Figure.blocks(total.liveBlocks))"
      lines.append(
        Line("… \(Figure.count(UInt64(rest.count))) more \(noun), \(sum)", .dim).fitted(to: width))
    }
    for entry in report.suppressed {
      let sites =
        entry.siteCount == 1 ? "1 stack" : "\(Figure.count(UInt64(entry.siteCount))) stacks"
      lines += wrapped(
        "suppressed by leak:\(entry.pattern): \(Figure.bytes(entry.bytes)) in "
          + "\(Figure.blocks(entry.blocks)) from \(sites)", .dim)
    }
    if lost.total > 0 {
      lines += wrapped(
        "\(Figure.count(lost.total)) events were lost, so blocks may be missing here or wrongly "
          + "among the leaks", .yellow)
    }
    return lines.map { $0.rendered(usesColor: usesColor) + "\n" }.joined()
  }

  private func headline(_ report: LeakReport) -> String {
    guard !report.leaks.isEmpty else { return "no leaks: everything was freed or is suppressed" }
    let stacks =
      report.leaks.count == 1 ? "1 stack" : "\(Figure.count(UInt64(report.leaks.count))) stacks"
    let sum =
      "\(Figure.bytes(report.leakedBytes)) in \(Figure.blocks(report.leakedBlocks)) from \(stacks)"
    let limit =
      report.limit == 0
      ? ""
      : ", \(report.isFailure ? "more than" : "within") the limit of \(Figure.bytes(report.limit))"
    return "not freed when the command ended: \(sum)\(limit)"
  }

  private func figures(_ counters: AllocationCounters) -> String {
    "\(Figure.bytes(counters.liveBytes)) in \(Figure.blocks(counters.liveBlocks)), "
      + "\(Figure.count(counters.freedBlocks)) of \(Figure.count(counters.allocatedBlocks)) freed"
  }

  private func wrapped(_ text: String, _ style: Line.Style) -> [Line] {
    text.wrapped(to: width).map { Line($0, style) }
  }
}
