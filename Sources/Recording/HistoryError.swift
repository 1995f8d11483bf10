/// Why the history can't be used, as one sentence.
package struct HistoryError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Reason: Hashable, Sendable {
    /// A newer heaptap wrote it.
    case tooNew
    /// The file can't be opened, read or written.
    case inaccessible
  }

  package var reason: Reason
  package var description: String
}
