import ProbeABI

/// Rules by which the frames of one executable are unwound, in the form in which kernel programs read them.
package struct UnwindTable: Sendable, Equatable {
  /// Virtual address in the module that the table's address 0 stands for; a multiple of 64 KiB.
  package let textStart: UInt64
  /// The layout of `unwind_tables.h`, padded with zeros to whole lines; no words without rows.
  package let words: [UInt32]

  /// Takes words that a builder made.
  init(textStart: UInt64, words: [UInt32]) {
    self.textStart = textStart
    self.words = words
  }

  package static let empty = UnwindTable(textStart: 0, words: [])

  package var isEmpty: Bool { words.isEmpty }
  package var rowCount: Int { Int(header.row_count) }
  package var ruleCount: Int { Int(header.rule_count) }
  package var byteCount: Int { words.count * MemoryLayout<UInt32>.stride }

  private var header: unwind_header {
    guard words.count >= Int(UNWIND_LINE_WORDS) else { return unwind_header() }
    return words.withUnsafeBytes { $0.loadUnaligned(as: unwind_header.self) }
  }
}

extension UnwindTable {
  /// The rule at a virtual address of the module, without step bits: the search that kernel programs do.
  package func rule(at address: UInt64) -> UnwindRule {
    guard address >= textStart, let relative = UInt32(exactly: address - textStart) else {
      return .none
    }
    let header = header
    let page = relative >> UInt32(UNWIND_PAGE_SHIFT)
    guard page < header.page_count else { return .none }
    let firstRow = Int(words[Int(header.directory + page)])
    let rows = Int(header.rows)
    var low = firstRow
    var high = Int(words[Int(header.directory + page) + 1])
    while low < high {
      let middle = (low + high) / 2
      if words[rows + middle] & 0xffff <= relative & 0xffff {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low > 0 else { return .none }
    let row = words[rows + low - 1]
    let rule = Int(header.rules) + 2 * Int(row >> 16)
    // No step crosses a page border, so that of a row on an earlier page has been made.
    let distance = low > firstRow ? relative & 0xffff - row & 0xffff : .max
    return UnwindRule(bits: UInt64(words[rule]) | UInt64(words[rule + 1]) << 32)
      .applyingStep(at: distance)
  }

  /// Whether no index leads outside, wherever the words come from.
  var isWellFormed: Bool {
    if isEmpty { return textStart == 0 }
    let header = header
    let directory = Int(header.directory)
    let pages = Int(header.page_count)
    let rows = Int(header.rows)
    let rules = Int(header.rules)
    guard textStart % (1 << UInt64(UNWIND_PAGE_SHIFT)) == 0,
      words.count % Int(UNWIND_LINE_WORDS) == 0,
      rowCount > 0, pages > 0, rules % 2 == 0,
      directory + pages + 1 <= words.count, rows + rowCount <= words.count,
      rules + 2 * ruleCount <= words.count
    else { return false }
    var previous: UInt32 = 0
    for index in words[directory...directory + pages] {
      guard index >= previous, index <= rowCount else { return false }
      previous = index
    }
    return previous == rowCount
      && words[rows..<rows + rowCount].allSatisfy { $0 >> 16 < header.rule_count }
  }
}
