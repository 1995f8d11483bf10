package import AllocationModel

extension LeakText {
  /// What was lost when a command ended: lines of at most `width` characters, each with its newline.
  package func render(_ report: LossReport, lost: LossCounts) -> String {
    var lines = wrapped(headline(report), report.isFailure ? .red : .bold)
    let groups = report.groups
    for group in groups.prefix(maximumSites) {
      lines += wrapped(Self.figures(group), .bold)
      lines += self.lines(for: group.origin)
    }
    let rest = groups.dropFirst(maximumSites)
    if !rest.isEmpty {
      let total = rest.reduce(HeapLeaks.Total()) { $0 + $1.total }
      lines.append(more(rest.count, total.claimedBytes, total.blocks))
    }
    if !report.unclear.leaks.isEmpty {
      let unclear = report.unclear
      lines += wrapped(
        "never freed, where it can't be told what is still referenced: "
          + Figure.amount(unclear.leakedBytes, unclear.leakedBlocks), .red)
      lines += self.lines(of: unclear)
    }
    for kind in LeakKindName.allCases
    where !report.kinds.contains(kind) && report.leaks[kind].blocks > 0 {
      let total = report.leaks[kind]
      lines += wrapped(
        "\(kind.words), which is no failure: \(Figure.amount(total.claimedBytes, total.blocks))",
        .dim)
    }
    lines += self.lines(for: report.leaks.suppressed + report.unclear.suppressed)
    return text(lines + self.lines(for: lost))
  }

  /// Of a block whose allocation was not seen nothing is known.
  func lines(for origin: LeakOrigin?) -> [Line] {
    guard let origin else {
      return [Line("    its allocation was not seen", .dim).fitted(to: width)]
    }
    return lines(for: origin.stack, origin.ending)
  }

  private func headline(_ report: LossReport) -> String {
    let counted = report.counted
    let isLost = report.kinds.isSubset(of: LeakKindName.lost)
    let word = isLost ? "lost" : "left"
    guard counted.blocks > 0 else {
      guard report.unclear.leaks.isEmpty else {
        return "nothing was \(word) in the heap that can be read"
      }
      return report.leaks.suppressed.isEmpty && report.unclear.suppressed.isEmpty
        ? "no leaks: nothing was \(word) when the command ended" : "no leaks but suppressed ones"
    }
    return "\(word) when the command ended: "
      + "\(Figure.amount(counted.claimedBytes, counted.blocks)) from "
      + "\(Figure.stacks(report.groups.count))\(limitClause(report.limit, report.isFailure))"
  }

  /// Such as `1.2 KiB in 3 blocks definitely lost, 64 B in 1 block indirectly lost, 1 cycle  Session`.
  static func figures(_ group: LeakGroup) -> String {
    var parts = LeakKindName.allCases.compactMap { kind in
      group.totals[kind].map { "\(Figure.amount($0.claimedBytes, $0.blocks)) \(kind.words)" }
    }
    if group.cycles > 0 {
      parts.append(group.cycles == 1 ? "1 cycle" : "\(Figure.count(group.cycles)) cycles")
    }
    return parts.joined(separator: ", ") + (group.name.map { ": " + $0.printable } ?? "")
  }
}

extension LeakKindName {
  /// As people call it.
  var words: String {
    switch self {
    case .definite: "definitely lost"
    case .indirect: "indirectly lost"
    case .possible: "possibly lost"
    case .reachable: "still reachable"
    }
  }
}
