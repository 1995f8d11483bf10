package import AllocationModel

/// What is lost, in a few lines of sums and one for each tree or group, with its stack where that is known.
package struct LeakTreeText {
  /// What trees are put together by; nil: each is shown.
  private let key: LeakGroup.Key?
  /// Trees or groups that are shown.
  private let limit: Int
  /// Trees of a former run were left out.
  private let isDiff: Bool
  /// Allocations were watched, so that some blocks have stacks.
  private let hasStacks: Bool
  private let stack: StackText

  /// - Parameters:
  ///   - width: characters of a line with a frame.
  ///   - maximumFrames: of each stack.
  package init(
    by key: LeakGroup.Key? = nil, limit: Int, isDiff: Bool = false, hasStacks: Bool = false,
    width: Int = 100, maximumFrames: Int = 12
  ) {
    self.key = key
    self.limit = limit
    self.isDiff = isDiff
    self.hasStacks = hasStacks
    stack = StackText(width: max(20, width - 4), maximumFrames: maximumFrames)
  }

  package func render(_ leaks: HeapLeaks) -> String {
    let titleWidth = LeakKindName.allCases.map(\.words.count).max() ?? 0
    var text = LeakKindName.allCases.map { kind in
      "\(kind.words.padded(to: titleWidth, alignment: .leading))  \(Self.amount(leaks[kind]))\n"
    }.joined()
    for entry in leaks.suppressed {
      let suppressed = Figure.amount(entry.bytes, entry.blocks)
      text += "suppressed by leak:\(entry.pattern.printable)  \(suppressed)\n"
    }
    let entries = key.map { leaks.groups(by: $0).map(entry) } ?? leaks.trees.map(entry)
    if isDiff {
      text += "\n" + (leaks.trees.isEmpty ? "nothing new is lost\n" : "lost since then:\n")
    } else if !entries.isEmpty {
      text += "\n"
    }
    text += entries.prefix(limit).joined()
    if entries.count > limit { text += "\(entries.count - limit) more; --top shows more\n" }
    return text
  }

  private func entry(_ tree: HeapLeaks.Tree) -> String {
    "\(tree.kind)  \(Figure.hexadecimal(tree.address))  \(Self.amount(tree.total))"
      + "\(tree.type.map { "  " + $0.printable } ?? "")\n" + lines(for: tree.origin)
  }

  private func entry(_ group: LeakGroup) -> String {
    let trees = group.trees == 1 ? "1 tree" : "\(Figure.count(group.trees)) trees"
    return
      "\(Self.amount(group.total)) in \(trees)\(group.name.map { "  " + $0.printable } ?? "")\n"
      + (key == .stack ? lines(for: group.origin) : "")
  }

  /// Of blocks that were there before nothing is known.
  private func lines(for origin: LeakOrigin?) -> String {
    guard hasStacks else { return "" }
    let lines =
      origin.map { stack.lines(for: $0.stack, ending: $0.ending) }
      ?? [Line("allocated before heaptap watched")]
    return lines.map { $0.indented(by: 4).rendered(usesColor: false) + "\n" }.joined()
  }

  /// Sums of usable bytes, so that they add up.
  private static func amount(_ total: HeapLeaks.Total) -> String {
    Figure.amount(total.bytes, total.blocks)
  }
}
