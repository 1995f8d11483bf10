/// Leaks that are known and not to be reported, as LeakSanitizer's suppression files name them.
///
/// Each line is `leak:PATTERN`; empty lines and those that begin with `#` say nothing. A pattern matches a part of a
/// function's, module's or file's name; `*` stands for anything, `^` at its start and `$` at its end hold it there.
package struct SuppressionList: Hashable, Sendable {
  /// A line that says nothing a suppression file can say.
  package struct ParsingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    package var line: Int
    package var problem: String

    package var description: String { "line \(line): \(problem)" }
  }

  package struct Pattern: Hashable, Sendable {
    /// As it stands in the file.
    package let text: String
    /// What lies between the asterisks.
    private let pieces: [[UInt8]]
    private let isHeldAtStart: Bool
    private let isHeldAtEnd: Bool

    /// `text` is not empty.
    package init(_ text: String) {
      self.text = text
      var rest = Substring(text)
      isHeldAtStart = rest.hasPrefix("^")
      if isHeldAtStart { rest = rest.dropFirst() }
      isHeldAtEnd = rest.hasSuffix("$")
      if isHeldAtEnd { rest = rest.dropLast() }
      pieces = rest.split(separator: "*", omittingEmptySubsequences: false).map { Array($0.utf8) }
    }

    /// Byte by byte, as LeakSanitizer does.
    package func matches(_ name: String) -> Bool {
      var rest = Array(name.utf8)[...]
      for (index, piece) in pieces.enumerated() {
        let (isFirst, isLast) = (index == 0, index == pieces.count - 1)
        if isLast, isHeldAtEnd {
          guard rest.count >= piece.count, rest.suffix(piece.count).elementsEqual(piece) else {
            return false
          }
          return !(isFirst && isHeldAtStart) || rest.count == piece.count
        }
        if isFirst, isHeldAtStart {
          guard rest.starts(with: piece) else { return false }
          rest = rest.dropFirst(piece.count)
        } else {
          guard let end = Self.end(of: piece, in: rest) else { return false }
          rest = rest[end...]
        }
      }
      return true
    }

    /// Behind the first place where the piece is.
    private static func end(of piece: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
      guard text.count >= piece.count else { return nil }
      for start in text.startIndex...(text.endIndex - piece.count)
      where text[start...].starts(with: piece) {
        return start + piece.count
      }
      return nil
    }
  }

  /// In the order of the file.
  package let patterns: [Pattern]

  package init(patterns: [Pattern] = []) {
    self.patterns = patterns
  }

  package init(parsing text: String) throws(ParsingError) {
    var patterns: [Pattern] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let line = line.trimmingSpaces
      if line.isEmpty || line.hasPrefix("#") { continue }
      guard let colon = line.firstIndex(of: ":") else {
        throw ParsingError(
          line: index + 1, problem: "\"\(line)\" is not of the form leak:PATTERN")
      }
      guard line[..<colon] == "leak" else {
        throw ParsingError(
          line: index + 1, problem: "\"\(line[..<colon])\" can't be suppressed, only leak can")
      }
      let pattern = line[line.index(after: colon)...].trimmingSpaces
      guard !pattern.isEmpty else {
        throw ParsingError(line: index + 1, problem: "leak: has no pattern, which would match all")
      }
      patterns.append(Pattern(String(pattern)))
    }
    self.patterns = patterns
  }

  /// The position of the first pattern that matches a frame of the stack by its function, module or file, or a type.
  package func index(matching stack: [Frame], type: String? = nil) -> Int? {
    patterns.firstIndex { pattern in
      type.map(pattern.matches) == true
        || stack.contains { frame in
          [frame.function, frame.module, frame.file].contains { $0.map(pattern.matches) == true }
        }
    }
  }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    var text = self
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
