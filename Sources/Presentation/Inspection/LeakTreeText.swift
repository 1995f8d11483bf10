package import AllocationModel

/// What is lost, in a few lines of sums and one for each tree or group.
package enum LeakTreeText {
  /// - Parameters:
  ///   - key: what trees are put together by; nil: each is shown.
  ///   - limit: trees or groups that are shown.
  ///   - isDiff: trees of a former run were left out.
  package static func render(
    _ leaks: HeapLeaks, by key: LeakGroup.Key?, limit: Int, isDiff: Bool
  ) -> String {
    var text =
      line("definitely lost", leaks.definitely) + line("indirectly lost", leaks.indirectly)
      + line("possibly lost  ", leaks.possibly) + line("still reachable", leaks.reachable)
    let lines = key.map { leaks.groups(by: $0).map(line) } ?? leaks.trees.map(line)
    if isDiff {
      text += "\n" + (leaks.trees.isEmpty ? "nothing new is lost\n" : "lost since then:\n")
    } else if !lines.isEmpty {
      text += "\n"
    }
    text += lines.prefix(limit).joined()
    if lines.count > limit { text += "\(lines.count - limit) more; --top shows more\n" }
    return text
  }

  private static func line(_ title: String, _ total: HeapLeaks.Total) -> String {
    "\(title)  \(amount(total))\n"
  }

  private static func line(_ tree: HeapLeaks.Tree) -> String {
    "\(tree.kind)  \(Figure.hexadecimal(tree.address))  \(amount(tree.total))"
      + "\(tree.type.map { "  " + $0.printable } ?? "")\n"
  }

  private static func line(_ group: LeakGroup) -> String {
    let trees = group.trees == 1 ? "1 tree" : "\(Figure.count(group.trees)) trees"
    return "\(amount(group.total)) in \(trees)  \(group.name.printable)\n"
  }

  private static func amount(_ total: HeapLeaks.Total) -> String {
    "\(Figure.bytes(total.bytes)) in \(Figure.blocks(total.blocks))"
  }
}
