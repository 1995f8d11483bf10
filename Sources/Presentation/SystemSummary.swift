package import AllocationModel

/// What is known of many processes at once: one line, and those of them that grow.
package struct SystemSummary: Sendable {
  /// Characters of the longest line, ≥ 1.
  package let width: Int

  private static let growingLimit = 8
  /// Rows of processes that don't surely grow, if too few do.
  private static let fewest = 3
  private static let endedLimit = 4

  package init(width: Int) {
    self.width = width
  }

  package func lines(for snapshot: Snapshot) -> [Line] {
    let shown = growing(snapshot.targets) + ended(snapshot)
    var lines = sentence(for: snapshot).wrapped(to: width).map { Line($0, .bold) }
    if let cost = cost(snapshot.targets) {
      lines += cost.wrapped(to: width).map { Line($0, .dim) }
    }
    lines += obstacles(snapshot.targets)
    if !shown.isEmpty {
      let table = TextTable(.processes, fitting: shown, width: width)
      lines += [Line(), table.header] + shown.map(table.row)
    }
    let rest = snapshot.targets.count - shown.count
    let grow = shown.isEmpty ? ", none of them grows" : ""
    if rest > 0 {
      let noun = rest == 1 ? "process" : "processes"
      let more = shown.isEmpty ? "" : " more"
      lines.append(
        Line("… \(Figure.count(UInt64(rest)))\(more) \(noun)\(grow)", .dim).fitted(to: width))
    }
    return lines
  }

  private func sentence(for snapshot: Snapshot) -> String {
    let running = snapshot.targets.filter { !$0.hasExited }
    let census = running.count { $0.mode == .census }
    let anonymous = running.reduce(UInt64(0)) { $0 &+ ($1.residentAnonymousBytes ?? 0) }
    let windows = running.count { $0.mode == .windows }
    var parts = [
      (snapshot.targets.count, "processes seen"), (running.count - census, "observed"),
    ]
    if windows > 0 { parts.append((windows, "of them in windows")) }
    parts += [
      (census, "by census only"), (snapshot.targets.count - running.count, "exited"),
    ]
    let counts = parts.map { "\(Figure.count(UInt64($0.0))) \($0.1)" }
    return counts.joined(separator: ", ")
      + "; \(Figure.bytes(anonymous)) of anonymous memory; \(Figure.duration(snapshot.elapsed))"
  }

  /// What observation costs the process that it costs most; nil where no cost is known.
  private func cost(_ targets: [TargetSnapshot]) -> String? {
    let running = targets.lazy.filter { !$0.hasExited }
    guard let most = running.compactMap({ $0.windows?.costShare ?? $0.costShare }).max() else {
      return nil
    }
    let budget = running.compactMap { $0.windows?.budget }.max()
    return "observation costs none of them more than about \(Figure.share(most)) of its time"
      + (budget.map { ", budget \(Figure.share($0))" } ?? "")
  }

  /// Why processes can't be observed, the most frequent reasons first.
  private func obstacles(_ targets: [TargetSnapshot]) -> [Line] {
    var counts: [String: UInt64] = [:]
    for target in targets where !target.hasExited {
      if let obstacle = target.obstacle { counts[obstacle, default: 0] += 1 }
    }
    let ranked = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return ranked.prefix(3).flatMap { obstacle, count in
      "not observed: \(Figure.count(count)), each for this reason: \(obstacle)".wrapped(to: width)
        .map { Line($0, .dim) }
    }
  }

  private func growing(_ targets: [TargetSnapshot]) -> [TargetSnapshot] {
    let rising = targets.filter { !$0.hasExited && $0.anonymousGrowth.bytesPerSecond > 0 }
      .sorted {
        let (left, right) = ($0.anonymousGrowth, $1.anonymousGrowth)
        if (left.low > 0) != (right.low > 0) { return left.low > 0 }
        if left.bytesPerSecond != right.bytesPerSecond {
          return left.bytesPerSecond > right.bytesPerSecond
        }
        return ($0.pid, $0.startTicks) < ($1.pid, $1.startTicks)
      }
    let sure = rising.prefix { $0.anonymousGrowth.low > 0 }.count
    return Array(rising.prefix(min(Self.growingLimit, max(Self.fewest, sure))))
  }

  /// Those that ended while they leaked, or for want of memory; the latest first.
  private func ended(_ snapshot: Snapshot) -> [TargetSnapshot] {
    let leaking = Set(
      snapshot.sites.lazy.filter { $0.assessment.verdict.isSuspicious }.map(\.process))
    let ended = snapshot.targets.filter {
      $0.hasExited && ($0.ending == .outOfMemory || leaking.contains($0.process))
    }
    return Array(ended.reversed().prefix(Self.endedLimit))
  }
}
