/// One setting of the daemon, declared once: how it is read, what it may be, and how the file explains it.
struct Setting: Sendable {
  /// A value as a file gives it.
  enum Value: Hashable {
    case scalar(String)
    case list([String])
    case null
  }

  /// With dots between the sections: `summary.interval`.
  let key: String
  /// What the file says above it.
  let comment: String
  /// What is allowed, as the end of a sentence: `a duration from 10s to 7d`.
  let allowed: String
  /// False where the value is none of what is allowed.
  let apply: @Sendable (Value, inout ServeConfiguration) -> Bool
  /// As YAML; nil where it is not set.
  let print: @Sendable (ServeConfiguration) -> String?

  static func duration(
    _ key: String, _ path: any WritableKeyPath<ServeConfiguration, Double> & Sendable,
    _ range: ClosedRange<Double>, _ comment: String
  ) -> Setting {
    Setting(
      key: key, comment: comment,
      allowed: "a duration from \(Quantity.text(duration: range.lowerBound)) to "
        + "\(Quantity.text(duration: range.upperBound)), with its unit s, min, h or d",
      apply: { value, configuration in
        guard case .scalar(let text) = value, let seconds = Quantity.duration(text),
          range.contains(seconds)
        else { return false }
        configuration[keyPath: path] = seconds
        return true
      },
      print: { Quantity.text(duration: $0[keyPath: path]) })
  }

  static func integer(
    _ key: String, _ path: any WritableKeyPath<ServeConfiguration, Int> & Sendable,
    _ range: ClosedRange<Int>, _ comment: String
  ) -> Setting {
    Setting(
      key: key, comment: comment,
      allowed: "a number from \(range.lowerBound) to \(range.upperBound)",
      apply: { value, configuration in
        guard case .scalar(let text) = value, let number = Int(text), range.contains(number) else {
          return false
        }
        configuration[keyPath: path] = number
        return true
      },
      print: { String($0[keyPath: path]) })
  }

  /// A path from the root, or null.
  static func path(
    _ key: String, _ path: any WritableKeyPath<ServeConfiguration, String?> & Sendable,
    _ comment: String
  ) -> Setting {
    Setting(
      key: key, comment: comment, allowed: "a path that begins with /, or null",
      apply: { value, configuration in
        switch value {
        case .null: configuration[keyPath: path] = nil
        case .scalar(let text)
        where text.hasPrefix("/") && !text.contains("\0") && text.utf8.count < 4096:
          configuration[keyPath: path] = text
        default: return false
        }
        return true
      },
      print: { $0[keyPath: path].map(quoted) ?? "null" })
  }

  static func names(
    _ key: String, allowed: String, _ comment: String,
    apply: @escaping @Sendable ([String], inout ServeConfiguration) -> Bool,
    print: @escaping @Sendable (ServeConfiguration) -> [String]?
  ) -> Setting {
    Setting(
      key: key, comment: comment, allowed: allowed,
      apply: { value, configuration in
        guard case .list(let items) = value else { return false }
        return apply(items, &configuration)
      },
      print: { print($0).map { "[\($0.map(quoted).joined(separator: ", "))]" } })
  }

  /// As a double-quoted YAML scalar where it has to be.
  static func quoted(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789/._-".unicodeScalars.contains($0))
      } && text.first != "-" && !["null", "true", "false", "~"].contains(text.lowercased())
    if isPlain { return text }
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": escaped += "\\\(scalar)"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        escaped += "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return "\"\(escaped)\""
  }
}
