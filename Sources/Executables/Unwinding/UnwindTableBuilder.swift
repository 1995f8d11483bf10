import ProbeABI

/// Packs rows, which come by ascending address, into the words of a table.
///
/// Rows that change nothing are dropped, and a push or pop right after a row becomes its step bits.
struct UnwindTableBuilder {
  /// Rows of one table, 32 MiB; the largest executables known have a fifth of it.
  ///
  /// What lies behind has no unwind information.
  static let rowLimit = 8 << 20

  private let textStart: UInt64
  private let rowLimit: Int
  private var rows: [UInt32] = []
  /// Index of the first row of each page up to the latest row's.
  private var directory: [UInt32] = []
  private var numbers = RuleNumbers()
  /// The latest row, which the next may still become a part of.
  private var pending = UnwindRule.none
  private var pendingAddress: UInt32 = 0
  /// The rule in force behind everything added so far.
  private var current = UnwindRule.none

  /// Starts a table without unwind information at its first address.
  init(textStart: UInt64, rowLimit: Int = Self.rowLimit) {
    self.textStart = textStart
    self.rowLimit = rowLimit
  }

  /// Adds a rule in force from `address`, which is relative to the table and above all earlier ones.
  mutating func add(_ rule: UnwindRule, at address: UInt32) {
    guard rule != current else { return }
    if address == pendingAddress {
      pending = rule
    } else if isOnPendingPage(address),
      pending.canStep(to: rule, after: address &- pendingAddress)
    {
      pending = pending.stepping(to: rule, after: address &- pendingAddress)
    } else {
      appendPending()
      pending = rule
      pendingAddress = address
    }
    current = rule
  }

  consuming func build() -> UnwindTable {
    appendPending()
    let pageCount = directory.count
    directory.append(UInt32(rows.count))
    return UnwindTable(textStart: textStart, words: words(pageCount: pageCount))
  }

  private func isOnPendingPage(_ address: UInt32) -> Bool {
    address >> UInt32(UNWIND_PAGE_SHIFT) == pendingAddress >> UInt32(UNWIND_PAGE_SHIFT)
  }

  private mutating func appendPending() {
    guard rows.count < rowLimit else { return }
    if rows.count == rowLimit - 1 { pending = .none }
    let page = Int(pendingAddress >> UInt32(UNWIND_PAGE_SHIFT))
    while directory.count <= page { directory.append(UInt32(rows.count)) }
    rows.append(pendingAddress & 0xffff | UInt32(numbers.number(of: pending)) << 16)
  }

  private func words(pageCount: Int) -> [UInt32] {
    let line = Int(UNWIND_LINE_WORDS)
    let firstRow = line + directory.count
    let firstRule = (firstRow + rows.count + 1) / 2 * 2
    let count = (firstRule + 2 * numbers.rules.count + line - 1) / line * line
    var words: [UInt32] = []
    words.reserveCapacity(count)
    words += [
      UInt32(pageCount), UInt32(line), UInt32(firstRow), UInt32(rows.count), UInt32(firstRule),
      UInt32(numbers.rules.count),
    ]
    words += repeatElement(0, count: line - words.count)
    words += directory
    words += rows
    words += repeatElement(0, count: firstRule - words.count)
    for rule in numbers.rules {
      words.append(UInt32(truncatingIfNeeded: rule.bits))
      words.append(UInt32(truncatingIfNeeded: rule.bits >> 32))
    }
    words += repeatElement(0, count: count - words.count)
    return words
  }
}

/// The rules of a table, each once, numbered as rows refer to them.
private struct RuleNumbers {
  /// A row has 16 bits for the number.
  private static let limit = 1 << 16
  private static let unsupported: UInt16 = 1

  private(set) var rules: [UnwindRule] = [.none, .unsupported]
  private var numbersByRule: [UnwindRule: UInt16] = [.none: 0, .unsupported: 1]
  /// Rules that were asked for lately, by 10 bits of their hash: most rows need no dictionary.
  private var recent = [UnwindRule](repeating: .none, count: 1 << 10)
  private var recentNumbers = [UInt16](repeating: 0, count: 1 << 10)

  /// The number of a rule; that of `.unsupported` where none is left.
  mutating func number(of rule: UnwindRule) -> UInt16 {
    // Fibonacci hashing.
    let slot = Int((rule.bits &* 0x9e37_79b9_7f4a_7c15) >> 54)
    if recent[slot] == rule { return recentNumbers[slot] }
    let number = numbersByRule[rule] ?? insert(rule)
    recent[slot] = rule
    recentNumbers[slot] = number
    return number
  }

  private mutating func insert(_ rule: UnwindRule) -> UInt16 {
    guard rules.count < Self.limit else { return Self.unsupported }
    let number = UInt16(rules.count)
    rules.append(rule)
    numbersByRule[rule] = number
    return number
  }
}
