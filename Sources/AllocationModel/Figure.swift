/// Quantities as people read them: at most four characters of number, then the unit.
package enum Figure {
  /// `812 B`, `9.8 KiB`, `41 KiB`, `1023 MiB`: one decimal below 10, none above, units of 1024.
  package static func bytes(_ byteCount: Double) -> String {
    guard byteCount.isFinite else { return "?" }
    let sign = byteCount < 0 ? "-" : ""
    let (number, unit) = scaled(byteCount.magnitude)
    return "\(sign)\(number) \(unit)"
  }

  package static func bytes(_ byteCount: UInt64) -> String {
    byteCount < 1024 ? "\(byteCount) B" : bytes(Double(byteCount))
  }

  /// `0x55d0c2a0`: addresses and offsets.
  package static func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  /// A change of bytes per second with its sign: `+41 KiB/s`, `-3.0 MiB/s`, `0 B/s`.
  package static func rate(_ bytesPerSecond: Double) -> String {
    change(bytesPerSecond) + "/s"
  }

  /// `±6.5 KiB/s`: by how much a rate may be off, the wider side of its interval.
  package static func margin(of growth: GrowthRate) -> String {
    let rate = growth.bytesPerSecond
    return "±\(bytes(max(0, rate - growth.low, growth.high - rate)))/s"
  }

  /// A change of a number of bytes with its sign: `+41 KiB`, `-3.0 MiB`, `0 B`.
  package static func change(_ byteCount: Double) -> String {
    let text = bytes(byteCount)
    if text == "0 B" || text == "-0 B" { return "0 B" }
    return (byteCount > 0 ? "+" : "") + text
  }

  /// A share as per cent: `<0.1 %`, `1.9 %`, `2 %`, `37 %`.
  package static func share(_ share: Double) -> String {
    guard share.isFinite else { return "? %" }
    let percent = share * 100
    if percent > 0, percent < 0.05 { return "<0.1 %" }
    let text = percent < 9.95 ? oneDecimal(percent) : whole(percent)
    return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + " %"
  }

  /// `35 to 48 KiB`, `-900 B to 1.2 KiB`: the unit once where both have the same.
  package static func range(_ low: Double, _ high: Double) -> String {
    let (from, to) = (bytes(low), bytes(high))
    let units = (from.split(separator: " ").last, to.split(separator: " ").last)
    guard units.0 == units.1, let number = from.split(separator: " ").first else {
      return "\(from) to \(to)"
    }
    return from == to ? to : "\(number) to \(to)"
  }

  /// `~41 KiB` for what is estimated.
  package static func marked(_ figure: String, isEstimate: Bool) -> String {
    isEstimate ? "~" + figure : figure
  }

  /// `0.4 s`, `95 s`, `8 min`, `30 h`, `12 d`: the largest unit that leaves at least two of it.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0 else { return "?" }
    if seconds == 0 { return "0 s" }
    if seconds < 9.95 { return "\(oneDecimal(seconds)) s" }
    for (length, unit) in [(1.0, "s"), (60, "min"), (3600, "h")] {
      let next = unit == "h" ? 86400.0 : length * 60
      if seconds.rounded() < 2 * next { return "\(whole(seconds / length)) \(unit)" }
    }
    return "\(whole(seconds / 86400)) d"
  }

  /// Digits in groups of three: `12,430`.
  package static func count(_ number: UInt64) -> String {
    let digits = Array(String(number).utf8)
    guard digits.count > 3 else { return String(number) }
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { grouped.append(",") }
      grouped.unicodeScalars.append(Unicode.Scalar(digit))
    }
    return grouped
  }

  /// Two digits of a number that is estimated: `12,000`.
  package static func roughly(_ number: UInt64) -> String {
    var power: UInt64 = 1
    while number / power >= 100 { power *= 10 }
    let isUp = power > 1 && number % power >= power / 2
    return count((number / power + (isUp ? 1 : 0)) * power)
  }

  /// Such as `1.2 KiB in 3 blocks`.
  package static func amount(_ bytes: UInt64, _ number: UInt64) -> String {
    "\(Self.bytes(bytes)) in \(blocks(number))"
  }

  /// Such as `1 stack`, with an adjective that ends with a space.
  package static func stacks(_ number: Int, adjective: String = "") -> String {
    "\(count(UInt64(number))) \(adjective)\(number == 1 ? "stack" : "stacks")"
  }

  /// `1 block`, `12,430 blocks`.
  package static func blocks(_ number: UInt64) -> String {
    "\(count(number)) \(number == 1 ? "block" : "blocks")"
  }

  private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

  private static func scaled(_ magnitude: Double) -> (number: String, unit: String) {
    var value = magnitude
    var unit = 0
    // A value that would round up to 1024 is written as 1.0 of the next unit.
    while value.rounded() >= 1024, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    let isWhole = unit == 0 && value == value.rounded()
    let number = value >= 9.95 || isWhole ? whole(value) : oneDecimal(value)
    return (number == "0.0" ? "0" : number, units[unit])
  }

  private static func whole(_ value: Double) -> String {
    value < 1e18 ? String(Int64(value.rounded())) : "\(value)"
  }

  private static func oneDecimal(_ value: Double) -> String {
    let tenths = Int64((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
