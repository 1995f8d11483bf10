package import AllocationModel

/// A call stack, innermost frame first, one frame a line.
package struct StackText: Sendable {
  /// Characters of the longest line, ≥ 1.
  package let width: Int
  /// Frames shown before the rest is only counted, ≥ 1.
  package let maximumFrames: Int

  package init(width: Int, maximumFrames: Int) {
    self.width = width
    self.maximumFrames = max(1, maximumFrames)
  }

  package func lines(for stack: [Frame], ending: StackEnding) -> [Line] {
    if stack.isEmpty {
      let reason = ending == .notReceived ? ", as heaptap has fallen behind" : ""
      return [Line("no call stack\(reason)", .dim).fitted(to: width)]
    }
    var lines = stack.prefix(maximumFrames).map(line)
    // A line that says "1 more" takes the place of what it hides.
    if stack.count == maximumFrames + 1 {
      lines.append(line(stack[maximumFrames]))
    } else if stack.count > maximumFrames {
      lines.append(Line("… \(stack.count - maximumFrames) more", .dim).fitted(to: width))
    }
    if let missing = Self.sentence(for: ending) {
      lines.append(Line("… \(missing)", .dim).fitted(to: width))
    }
    return lines
  }

  /// What is missing of a stack; nil where nothing is.
  private static func sentence(for ending: StackEnding) -> String? {
    switch ending {
    case .complete, .notReceived: nil
    case .tooDeep: "and more callers than are kept"
    case .unknownCode: "and callers beyond code of unknown origin"
    case .noRule, .unsupportedRule: "and callers beyond code without usable unwind information"
    case .unreadableStack, .badFrame: "and callers beyond a frame that could not be read"
    case .codeChanging: "and callers beyond a library that was just being loaded"
    }
  }

  /// The function, then `file:line` or `module+0xoffset`.
  ///
  /// Where that doesn't fit, the file's folder goes first, then both parts are cut in the middle.
  private func line(_ frame: Frame) -> Line {
    guard let function = frame.function?.printable else {
      return Line(Self.location(frame).cutInMiddle(to: width))
    }
    let room = max(0, width - 2)
    var location = Self.location(frame)
    if function.count + location.count > room { location = Self.location(frame, hasFolder: false) }
    // The function gets what the location leaves, but never less than three fifths if it needs
    // them.
    let functionWidth = min(function.count, max(room - location.count, room * 3 / 5))
    var line = Line(function.cutInMiddle(to: functionWidth))
    line.append("  ")
    line.append(location.cutInMiddle(to: room - functionWidth), .dim)
    return line.fitted(to: width)
  }

  private static func location(_ frame: Frame, hasFolder: Bool = true) -> String {
    let suffix = frame.isInlined ? " (inlined)" : ""
    if let file = frame.file {
      let name = hasFolder ? file : file.split(separator: "/").last.map(String.init) ?? file
      return (name + (frame.line.map { ":\($0)" } ?? "") + suffix).printable
    }
    let offset = Figure.hexadecimal(frame.offset)
    return ((frame.module.map { "\($0)+\(offset)" } ?? offset) + suffix).printable
  }
}
