/// What was once said of places, up to a bound in bytes; what was not asked for longest goes first, roughly.
///
/// Two generations: what is used moves to the young one, and when that is half the bound, the old one is dropped.
struct SourceCache {
  enum Key: Hashable {
    /// An address in the module of that number.
    case place(module: UInt32, address: UInt64)
    /// A symbol outside any module that can be read.
    case symbol(String)
  }

  private let byteLimit: Int
  private var young: [Key: [SourceCall]] = [:]
  private var old: [Key: [SourceCall]] = [:]
  private var youngByteCount = 0

  init(byteLimit: Int) {
    self.byteLimit = byteLimit
  }

  var count: Int { young.count + old.count }

  mutating func calls(for key: Key) -> [SourceCall]? {
    if let calls = young[key] { return calls }
    guard let calls = old.removeValue(forKey: key) else { return nil }
    insert(calls, for: key)
    return calls
  }

  mutating func insert(_ calls: [SourceCall], for key: Key) {
    let byteCount = Self.byteCount(of: calls, key)
    if youngByteCount + byteCount > byteLimit / 2 {
      old = young
      young = [:]
      youngByteCount = 0
    }
    young[key] = calls
    youngByteCount += byteCount
  }

  private static func byteCount(of calls: [SourceCall], _ key: Key) -> Int {
    var count = 96
    if case .symbol(let symbol) = key { count += symbol.utf8.count }
    for call in calls {
      count += 48 + (call.function?.utf8.count ?? 0) + (call.file?.utf8.count ?? 0)
    }
    return count
  }
}
