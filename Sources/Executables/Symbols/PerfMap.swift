import AllocationModel

/// Names of the code that a program makes while it runs, from the text that such programs write for perf(1).
///
/// Each line is `START SIZE name`, numbers in hex; the name may hold spaces. Programs append lines, and where they put
/// new code in place of old, the later line counts. The text is the target's: any bytes are accepted.
package struct PerfMap: Sendable {
  private struct Entry {
    var start: UInt64
    var end: UInt64
    /// Where in `names` its name begins; it ends with NUL. Grows with the lines.
    var nameOffset: Int
  }

  private static let entryLimit = 1 << 20
  private static let nameByteLimit = 1024
  private static let totalNameByteLimit = 64 << 20
  /// Entries before an address that are looked at: only where code lies over code there is more than one.
  private static let searchedEntries = 64

  /// Sorted by start, then by line.
  private var entries: [Entry] = []
  private var names: [UInt8] = []
  /// The beginning of a line whose end is not written yet.
  private var rest: [UInt8] = []

  package init() {}

  package var count: Int { entries.count }

  /// Adds what was appended to the text.
  package mutating func append(_ text: [UInt8]) {
    var lines = (rest + text).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    rest = Array(lines.removeLast().prefix(Self.nameByteLimit + 64))
    let before = entries.count
    for line in lines { add(line) }
    guard entries.count > before else { return }
    entries.sort { ($0.start, $0.nameOffset) < ($1.start, $1.nameOffset) }
  }

  /// What lies at an address; nil where no line says.
  package func name(at address: UInt64) -> String? {
    let low = entries.endOfPrefix { $0.start <= address }
    let latest = entries[max(0, low - Self.searchedEntries)..<low]
      .filter { address < $0.end }
      .max { $0.nameOffset < $1.nameOffset }
    return latest.map {
      String(decoding: names[$0.nameOffset...].prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private mutating func add(_ line: ArraySlice<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
    guard fields.count == 3, entries.count < Self.entryLimit,
      names.count < Self.totalNameByteLimit,
      let start = Self.number(fields[0]), let byteCount = Self.number(fields[1]), byteCount > 0,
      case let (end, overflow) = start.addingReportingOverflow(byteCount), !overflow
    else { return }
    entries.append(Entry(start: start, end: end, nameOffset: names.count))
    names += fields[2].prefix(Self.nameByteLimit).filter { $0 != 0 }
    names.append(0)
  }

  private static func number(_ field: ArraySlice<UInt8>) -> UInt64? {
    let digits = field.starts(with: Array("0x".utf8)) ? field.dropFirst(2) : field
    return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}
