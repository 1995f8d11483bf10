package import AllocationModel

/// What is known of one target as a whole, in a few lines.
package struct TargetHeader: Sendable {
  /// Characters of the longest line, ≥ 1.
  package let width: Int

  package init(width: Int) {
    self.width = width
  }

  /// - Parameter elapsed: seconds since observation began.
  package func lines(for target: TargetSnapshot, elapsed: Double) -> [Line] {
    var title = Line(target.name.printable.cutInMiddle(to: max(8, width / 2)), .bold)
    title.append("  pid \(target.pid)  \(target.mode.rawValue)  ")
    if target.hasExited {
      title.append("exited, figures are final", .yellow)
    } else {
      title.append(Figure.duration(elapsed))
    }
    let sentences = [
      blindness(target), obstacle(target), cost(target), totals(target), residence(target),
      oddities(target), target.inspectionObstacle.map { "its heap is not looked at: \($0)" },
    ].compactMap { $0 }
    return [title.fitted(to: width)] + sentences.flatMap(indented)
  }

  private func blindness(_ target: TargetSnapshot) -> String? {
    guard !target.hasVisibleAllocator else { return nil }
    return
      "no allocator found: no file it maps has symbols for malloc and free, so nothing is counted"
  }

  private func obstacle(_ target: TargetSnapshot) -> String? {
    target.hasExited ? nil : target.obstacle.map { "not all of it is observed: \($0)" }
  }

  private func totals(_ target: TargetSnapshot) -> String {
    let counters = target.counters
    guard target.mode != .windows else {
      guard let past = target.windows?.elapsed else {
        return target.hasExited
          ? "no window has shown what it allocated" : "no window has shown yet what it allocates"
      }
      let words = target.hasExited ? "in its last" : "in the last"
      return "\(words) \(Figure.duration(past)), estimated: "
        + "~\(Figure.bytes(counters.allocatedBytes)) in "
        + "~\(Figure.roughly(counters.allocatedBlocks)) blocks allocated, "
        + "~\(Figure.bytes(counters.freedBytes)) in ~\(Figure.roughly(counters.freedBlocks)) freed"
    }
    return "live \(Figure.bytes(counters.liveBytes)) in \(Figure.blocks(counters.liveBlocks)), "
      + "allocated \(Figure.bytes(counters.allocatedBytes)) "
      + "in \(Figure.count(counters.allocatedBlocks)), "
      + "freed \(Figure.bytes(counters.freedBytes)) in \(Figure.count(counters.freedBlocks))"
  }

  /// How much of the resident memory the traced blocks explain.
  private func residence(_ target: TargetSnapshot) -> String? {
    guard let resident = target.residentBytes else {
      return target.hasExited ? nil : "RSS unknown"
    }
    guard !target.hasExited else { return "RSS \(Figure.bytes(resident)) when it was last read" }
    let live = target.counters.liveBytes
    guard target.mode != .windows else {
      return "RSS \(Figure.bytes(resident)); windows don't tell how much of it is live"
    }
    var text = "RSS \(Figure.bytes(resident)), "
    if live > resident {
      text += "less than is live: not all of it was touched"
    } else {
      let share = resident > 0 ? " (\((100 * Double(live) / Double(resident)).percent))" : ""
      let since = target.isFromStart ? "" : " since the attach"
      text += "\(Figure.bytes(live))\(share) of it traced\(since)"
    }
    guard !target.isFromStart else { return text }
    let before = target.residentAnonymousBytesAtStart.map(Figure.bytes) ?? "memory"
    return text + "; \(before) from before the attach is not yet seen"
  }

  private func oddities(_ target: TargetSnapshot) -> String? {
    let unattributed = target.windows?.unattributedFrees ?? 0
    let parts = [
      (
        "recorded frees of blocks of unknown sites",
        unattributed > 0 ? UInt64(min(unattributed, 1e18)) : 0
      ),
      ("frees of blocks from before the attach", target.unknownFrees),
      ("frees of blocks inherited from the parent", target.inheritedFrees),
      ("failed allocations", target.failedAllocations),
    ]
    let counted = parts.filter { $0.1 > 0 }.map { "\($0.0): \(Figure.count($0.1))" }
    return counted.isEmpty ? nil : counted.joined(separator: ", ")
  }

  private func indented(_ sentence: String) -> [Line] {
    sentence.wrapped(to: max(1, width - 2)).map { Line("  " + $0).fitted(to: width) }
  }
}

extension Double {
  /// `37 %`, and `<1 %` for what would round to nothing.
  fileprivate var percent: String {
    self > 0 && self < 1 ? "<1 %" : "\(Int(self.rounded())) %"
  }
}
