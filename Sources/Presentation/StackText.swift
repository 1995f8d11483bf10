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

  package func lines(for stack: [Frame], isTruncated: Bool) -> [Line] {
    if stack.isEmpty { return [Line("no call stack", .dim).fitted(to: width)] }
    var lines = stack.prefix(maximumFrames).map(line)
    // A line that says "1 more" takes the place of what it hides.
    if stack.count == maximumFrames + 1 {
      lines.append(line(stack[maximumFrames]))
    } else if stack.count > maximumFrames {
      lines.append(Line("… \(stack.count - maximumFrames) more", .dim).fitted(to: width))
    }
    if isTruncated {
      lines.append(Line("… and callers that could not be walked", .dim).fitted(to: width))
    }
    return lines
  }

  /// `function  file:line` or `function  module+0xoffset`, both cut in the middle where they don't fit.
  private func line(_ frame: Frame) -> Line {
    let location = Self.location(frame)
    guard let function = frame.function else {
      return Line(location.cutInMiddle(to: width))
    }
    let room = max(0, width - 2)
    var functionRoom = max(room - location.count, room * 3 / 5)
    let locationRoom = max(0, room - min(function.count, functionRoom))
    functionRoom = room - min(location.count, locationRoom)
    var line = Line(function.cutInMiddle(to: functionRoom))
    line.append("  ")
    line.append(location.cutInMiddle(to: locationRoom), .dim)
    return line.fitted(to: width)
  }

  private static func location(_ frame: Frame) -> String {
    let suffix = frame.isInlined ? " (inlined)" : ""
    if let file = frame.file {
      return file + (frame.line.map { ":\($0)" } ?? "") + suffix
    }
    let offset = "0x" + String(frame.offset, radix: 16)
    return (frame.module.map { "\($0)+\(offset)" } ?? offset) + suffix
  }
}
