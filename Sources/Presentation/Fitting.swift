extension String {
  /// At most `width` characters: the middle gives way to `…`, since both ends of a name tell it
  /// from others.
  package func cutInMiddle(to width: Int) -> String {
    guard count > width else { return self }
    guard width > 1 else { return width == 1 ? "…" : "" }
    let head = width / 2
    return prefix(head) + "…" + suffix(width - 1 - head)
  }

  /// The same, but of a path the end is kept: that is what tells it from others.
  package func cutAsName(to width: Int) -> String {
    guard count > width, width > 1, hasPrefix("/") else { return cutInMiddle(to: width) }
    return "…" + suffix(width - 1)
  }

  /// Filled up with spaces to `width` characters; never cut.
  package func padded(to width: Int, alignment: Alignment) -> String {
    let missing = width - count
    guard missing > 0 else { return self }
    let space = String(repeating: " ", count: missing)
    return alignment == .leading ? self + space : space + self
  }

  /// Words on lines of at most `width` characters; longer words are cut in the middle.
  package func wrapped(to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in printable.split(separator: " ") {
      let word = String(word).cutInMiddle(to: width)
      if line.isEmpty {
        line = word
      } else if line.count + 1 + word.count <= width {
        line += " " + word
      } else {
        lines.append(line)
        line = word
      }
    }
    return line.isEmpty ? lines : lines + [line]
  }

  /// Control, format and line-separating characters replaced by `·`.
  ///
  /// The joiners that scripts and emoji need are kept. Replacing may change the number of
  /// characters, so it comes before measuring.
  package var printable: String {
    guard unicodeScalars.contains(where: Self.isUnprintable) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      text.unicodeScalars.append(Self.isUnprintable(scalar) ? "·" : scalar)
    }
    return text
  }

  private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
    let isJoiner = scalar.value == 0x200C || scalar.value == 0x200D
    if isJoiner { return false }
    return switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
