/// The form of an unwind table on disk: little-endian words of 32 bits.
///
///     0   magic "HTUW"
///     1   format version
///     2   words of the table
///     3   bytes of the build id, and behind them zeros to a whole word
///     4   start of the text, low word first
///     6   bytes of the executable, low word first
///     8   checksum of all other words, low word first
///     10  build id as hexadecimal digits, then the table
enum SavedTable {
  /// To be raised when a table of the same file comes out differently.
  static let version: UInt32 = 1

  private static let magic: UInt32 = 0x5755_5448
  private static let headerWordCount = 10
  private static let checksumWords = 8..<10

  static func words(of table: UnwindTable, for key: SavedTableKey) -> [UInt32] {
    let buildID = wordsOfText(key.buildID)
    var words: [UInt32] = []
    words.reserveCapacity(headerWordCount + buildID.count + table.words.count)
    words += [magic, version, UInt32(table.words.count), UInt32(key.buildID.utf8.count)]
    words += halves(table.textStart) + halves(key.fileByteCount) + [0, 0] + buildID
    words += table.words
    words.replaceSubrange(checksumWords, with: halves(checksum(words)))
    return words
  }

  /// nil unless the words are exactly what was saved for that key.
  static func table(in words: [UInt32], for key: SavedTableKey) -> UnwindTable? {
    let buildID = wordsOfText(key.buildID)
    let tableStart = headerWordCount + buildID.count
    guard words.count >= tableStart,
      words[0] == magic, words[1] == version,
      words[2] == words.count - tableStart,
      words[3] == key.buildID.utf8.count,
      number(words[6...7]) == key.fileByteCount,
      words[headerWordCount..<tableStart].elementsEqual(buildID),
      number(words[checksumWords]) == checksum(words)
    else { return nil }
    let table = UnwindTable(
      textStart: number(words[4...5]),
      words: Array(words[tableStart...])
    )
    return table.isWellFormed ? table : nil
  }

  /// FNV-1a with words in place of bytes, over all but the checksum itself.
  private static func checksum(_ words: [UInt32]) -> UInt64 {
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in words.indices where !checksumWords.contains(index) {
      sum = (sum ^ UInt64(words[index])) &* 0x100_0000_01b3
    }
    return sum
  }

  private static func halves(_ number: UInt64) -> [UInt32] {
    [UInt32(truncatingIfNeeded: number), UInt32(truncatingIfNeeded: number >> 32)]
  }

  private static func number(_ halves: ArraySlice<UInt32>) -> UInt64 {
    halves.reversed().reduce(0) { $0 << 32 | UInt64($1) }
  }

  private static func wordsOfText(_ text: String) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: (text.utf8.count + 3) / 4)
    for (index, byte) in text.utf8.enumerated() {
      words[index / 4] |= UInt32(byte) << (index % 4 * 8)
    }
    return words
  }
}
