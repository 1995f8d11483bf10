/// The kinds of leaks, as memcheck's option `--show-leak-kinds` names them.
package enum LeakKindName: String, Hashable, Sendable, CaseIterable {
  case definite, indirect, possible, reachable

  /// Blocks that nothing references any more.
  package static let lost: Set<LeakKindName> = [.definite, .indirect]

  /// Kinds separated by commas, or `all`; nil for anything else.
  package static func set(parsing text: String) -> Set<LeakKindName>? {
    if text == "all" { return Set(allCases) }
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    let kinds = words.compactMap { LeakKindName(rawValue: String($0)) }
    return kinds.count == words.count ? Set(kinds) : nil
  }
}
