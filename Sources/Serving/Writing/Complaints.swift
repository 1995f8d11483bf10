/// Says once what goes wrong, counts it each time, and says when it works again.
package struct Complaints: Sendable {
  private var failing: Set<String> = []
  /// How often each thing went wrong since the beginning.
  package private(set) var counts: [String: UInt64]

  /// - Parameter subjects: what may go wrong, counted from 0 on.
  package init(_ subjects: [String]) {
    counts = Dictionary(subjects.map { ($0, 0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The sentence to say, if it was not said already.
  package mutating func failed(_ subject: String, _ sentence: String) -> String? {
    counts[subject, default: 0] += 1
    guard failing.insert(subject).inserted else { return nil }
    return "\(sentence); this is said once"
  }

  /// The sentence to say if it failed before.
  package mutating func worked(_ subject: String) -> String? {
    failing.remove(subject) == nil
      ? nil : "\(subject) works again after \(counts[subject] ?? 0) failures in all"
  }
}
