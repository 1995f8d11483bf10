/// Which files of a folder are kept.
package struct RetentionPlan: Hashable, Sendable {
  /// A file, as far as it matters here.
  package struct Entry: Hashable, Sendable {
    package var name: String
    package var byteCount: Int
    /// Seconds since 1970.
    package var modified: Double

    package init(name: String, byteCount: Int, modified: Double) {
      self.name = name
      self.byteCount = byteCount
      self.modified = modified
    }
  }

  /// Files at most, ≥ 1.
  package var count: Int
  /// Seconds at most.
  package var age: Double
  /// Bytes of all files at most.
  package var byteCount: Int

  package init(count: Int, age: Double, byteCount: Int) {
    self.count = count
    self.age = age
    self.byteCount = byteCount
  }

  /// The names of files that have to go at `now`, seconds since 1970, the oldest last. The newest always stays.
  package func expired(_ entries: [Entry], now: Double) -> [String] {
    let newestFirst = entries.sorted { ($1.modified, $1.name) < ($0.modified, $0.name) }
    var total = 0
    var expired: [String] = []
    for (index, entry) in newestFirst.enumerated() {
      total += entry.byteCount
      guard index > 0, expired.isEmpty else {
        if index > 0 { expired.append(entry.name) }
        continue
      }
      if index >= count || total > byteCount || now - entry.modified > age {
        expired.append(entry.name)
      }
    }
    return expired
  }
}
