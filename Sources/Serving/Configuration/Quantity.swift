/// Durations, sizes and shares as people write them in a configuration file.
package enum Quantity {
  private static let seconds: [(unit: String, size: Double)] = [
    ("d", 86400), ("h", 3600), ("min", 60), ("s", 1),
  ]
  private static let bytes: [(unit: String, size: Double)] = [
    ("TiB", 1_099_511_627_776), ("GiB", 1_073_741_824), ("MiB", 1_048_576), ("KiB", 1024), ("B", 1),
  ]

  /// `2s`, `1.5 min`, `12h`, `30d`; nil for anything else.
  static func duration(_ text: String) -> Double? { parse(text, seconds) }
  /// `512KiB`, `256 MiB`, `1GiB`; nil for anything else.
  static func byteCount(_ text: String) -> Int? {
    parse(text, bytes).flatMap { $0 < 1e18 ? Int($0) : nil }
  }

  /// `2%` or `0.02`; nil for anything else.
  package static func share(_ text: String) -> Double? {
    let isPercent = text.hasSuffix("%")
    let digits = isPercent ? text.dropLast() : text[...]
    guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) else { return nil }
    return Double(digits).map { isPercent ? $0 / 100 : $0 }
  }

  /// `2%`, `0.5%`: to a hundredth of a percent.
  package static func text(share: Double) -> String {
    let percent = (share * 10_000).rounded() / 100
    return percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
  }

  static func text(duration: Double) -> String { text(duration, seconds) }
  static func text(byteCount: Int) -> String { text(Double(byteCount), bytes) }

  private static func parse(_ text: String, _ units: [(unit: String, size: Double)]) -> Double? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    guard let number = Double(digits), let size = units.first(where: { $0.unit == unit })?.size
    else { return nil }
    let value = number * size
    return value.isFinite ? value : nil
  }

  /// In the largest unit of which it is a whole number.
  private static func text(_ value: Double, _ units: [(unit: String, size: Double)]) -> String {
    for (unit, size) in units where value >= size && value / size == (value / size).rounded() {
      return "\(Int(value / size))\(unit)"
    }
    return "\(value)\(units.last?.unit ?? "")"
  }
}
