/// One line of output in pieces of one style each.
package struct Line: Hashable, Sendable {
  /// How a piece looks on a terminal that shows colour.
  package enum Style: String, Hashable, Sendable {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case yellow = "33"
    case green = "32"
  }

  private struct Piece: Hashable, Sendable {
    var text: String
    var style: Style
  }

  private var pieces: [Piece] = []

  package init(_ text: String = "", _ style: Style = .plain) {
    append(text, style)
  }

  /// Control characters in `text` are replaced: names come from other people's programs, and must
  /// neither break the line nor talk to the terminal.
  package mutating func append(_ text: String, _ style: Style = .plain) {
    guard !text.isEmpty else { return }
    pieces.append(Piece(text: text.printable, style: style))
  }

  /// Characters, each taken as one column.
  package var width: Int { pieces.reduce(0) { $0 + $1.text.count } }

  /// At most `width` characters, the last of them `…` where something was cut off.
  package func fitted(to width: Int) -> Line {
    guard self.width > width else { return self }
    var line = Line()
    var room = max(0, width - 1)
    for piece in pieces where room > 0 {
      line.append(String(piece.text.prefix(room)), piece.style)
      room -= min(room, piece.text.count)
    }
    if width > 0 { line.append("…") }
    return line
  }

  /// The text without trailing spaces, with ANSI escape sequences (ECMA-48, SGR) if `usesColor`.
  package func rendered(usesColor: Bool) -> String {
    var text = ""
    for piece in trimmed.pieces {
      let isStyled = usesColor && piece.style != .plain
      text += isStyled ? "\u{1B}[\(piece.style.rawValue)m\(piece.text)\u{1B}[0m" : piece.text
    }
    return text
  }

  private var trimmed: Line {
    var line = self
    while let last = line.pieces.last {
      let kept = last.text.lastIndex { $0 != " " }
      guard let kept else {
        line.pieces.removeLast()
        continue
      }
      line.pieces[line.pieces.count - 1].text = String(last.text[...kept])
      return line
    }
    return line
  }
}

extension Line {
  package func indented(by count: Int) -> Line {
    var line = self
    line.pieces.insert(Piece(text: String(repeating: " ", count: count), style: .plain), at: 0)
    return line
  }
}
