package import AllocationModel
import Presentation

/// A summary as plain text for people.
package struct TextSummaryExporter: Sendable {
  private static let width = 100
  private static let processLimit = 20

  private let maximumFrames: Int

  /// - Parameter maximumFrames: frames shown of each stack, ≥ 1.
  package init(maximumFrames: Int = 12) {
    self.maximumFrames = maximumFrames
  }

  /// Lines of at most 100 characters, each with its newline.
  package func text(for summary: Summary) -> String {
    let lines =
      heading(summary) + [Line()] + suspects(summary) + resolved(summary.resolved) + [Line()]
      + processes(summary.processes)
    return lines.map { $0.rendered(usesColor: false) + "\n" }.joined()
  }

  private func heading(_ summary: Summary) -> [Line] {
    let from = Timestamp(unixNanoseconds: summary.period.from)
    let to = Timestamp(unixNanoseconds: summary.period.to)
    let totals = summary.totals
    let running = summary.processes.filter { !$0.hasExited }
    let windows = running.count(where: \.isEstimated)
    let sentences = [
      "heaptap \(summary.host.heaptapVersion) on \(summary.host.name), \(summary.host.kernel)",
      "\(from) to \(to) (\(Figure.duration(summary.period.duration)), "
        + "\(Figure.count(UInt64(summary.snapshotCount))) snapshots)",
      "\(running.count) \(running.count == 1 ? "process" : "processes"), "
        + "live \(Figure.bytes(totals.liveBytes)) in \(Figure.blocks(totals.liveBlocks))"
        + (windows > 0 ? " without the \(windows) observed in windows, " : ", ")
        + "anonymous memory \(totals.residentAnonymousBytes.map(Figure.bytes) ?? "unknown")",
      losses(summary.lost),
    ]
    return sentences.flatMap { $0.wrapped(to: Self.width) }.map { Line($0) }
  }

  private func losses(_ lost: LossCounts) -> String {
    guard lost.total > 0 else { return "nothing lost" }
    let reasons = LossReason.allCases.compactMap { reason in
      lost.byReason[reason].map {
        "\(reason.rawValue.replacing("_", with: " ")) (\(Figure.count($0)))"
      }
    }
    let events = lost.total == 1 ? "event" : "events"
    return "lost \(Figure.count(lost.total)) \(events): \(reasons.joined(separator: ", "))"
  }

  private func suspects(_ summary: Summary) -> [Line] {
    guard !summary.suspects.isEmpty else { return [Line("No site grows.")] }
    let rows = summary.suspects.map { SiteRow($0.site, processName: $0.processName) }
    let table = TextTable(.sites(of: rows), fitting: rows, width: Self.width)
    let stack = StackText(width: Self.width - 4, maximumFrames: maximumFrames)
    var lines = [Line("Sites that grow"), table.header]
    for (suspect, row) in zip(summary.suspects, rows) {
      lines.append(table.row(row))
      let sentence =
        "\(suspect.processName) (\(suspect.site.pid)): \(suspect.site.assessment.reason); "
        + comparison(suspect)
      for text in sentence.wrapped(to: Self.width - 2) { lines.append(Line("  " + text)) }
      for frame in stack.lines(for: suspect.site.stack, ending: suspect.site.ending) {
        lines.append(frame.indented(by: 4))
      }
    }
    if summary.omittedSuspectCount > 0 {
      let count = Figure.count(UInt64(summary.omittedSuspectCount))
      lines.append(Line("… further sites that grow: \(count)"))
    }
    return lines
  }

  private func comparison(_ suspect: SuspectSummary) -> String {
    guard let before = suspect.growthBefore else { return "not so in the period before" }
    let rate = Figure.marked(Figure.rate(before), isEstimate: suspect.isGrowthBeforeEstimated)
    return "\(rate) in the period before"
  }

  private func resolved(_ resolved: [ResolvedSuspect]) -> [Line] {
    guard !resolved.isEmpty else { return [] }
    return [Line(), Line("Grew in the period before and no longer")]
      + resolved.flatMap { suspect in
        let now = suspect.assessment.map { "\($0.verdict.rawValue), \($0.reason)" }
        let sentence =
          "\(suspect.function ?? suspect.id.description) in \(suspect.processName) (\(suspect.pid)): "
          + (now ?? "the process has ended")
        return sentence.wrapped(to: Self.width - 2).map { Line("  " + $0) }
      }
  }

  /// Those that grew most come first.
  private func processes(_ processes: [ProcessSummary]) -> [Line] {
    let ranked = processes.sorted { ($1.growth, $0.pid) < ($0.growth, $1.pid) }
    var lines = [
      row("PROCESS", "PID", ["GROWTH", "BEFORE", "LIVE", "PEAK", "BLOCKS", "ANONYMOUS"])
    ]
    for process in ranked.prefix(Self.processLimit) {
      // Windows don't tell what is live.
      func counted(_ figure: String) -> String { process.isEstimated ? "-" : figure }
      let state =
        process.hasExited
        ? " (ended)" : process.isEstimated ? " (windows)" : process.appeared ? " (new)" : ""
      lines.append(
        row(
          process.name.cutInMiddle(to: 30 - state.count) + state, String(process.pid),
          [
            counted(Self.change(process.growth)), process.growthBefore.map(Self.change) ?? "-",
            counted(Figure.bytes(process.last.liveBytes)),
            counted(Figure.bytes(process.peak.liveBytes)),
            counted(Figure.count(process.last.liveBlocks)),
            process.last.residentAnonymousBytes.map(Figure.bytes) ?? "-",
          ]))
    }
    if ranked.count > Self.processLimit {
      lines.append(Line("… \(ranked.count - Self.processLimit) more processes"))
    }
    return lines
  }

  private func row(_ name: String, _ pid: String, _ figures: [String]) -> Line {
    let columns =
      [name.padded(to: 30, alignment: .leading), pid.padded(to: 8, alignment: .trailing)]
      + figures.map { $0.padded(to: 9, alignment: .trailing) }
    return Line(columns.joined(separator: " ")).fitted(to: Self.width)
  }

  private static func change(_ byteCount: Int64) -> String {
    (byteCount > 0 ? "+" : "") + Figure.bytes(Double(byteCount))
  }
}
