/// An instant as ISO 8601 writes it in UTC.
package struct Timestamp: CustomStringConvertible {
  /// Nanoseconds since 1970-01-01 UTC.
  package var unixNanoseconds: Int64

  package init(unixNanoseconds: Int64) {
    self.unixNanoseconds = unixNanoseconds
  }

  /// `2026-03-01T12:00:00.250Z`, rounded down to milliseconds.
  package var description: String {
    let milliseconds = Self.floorDivide(unixNanoseconds, by: 1_000_000)
    let seconds = Self.floorDivide(milliseconds, by: 1000)
    let days = Self.floorDivide(seconds, by: 86400)
    let (year, month, day) = Self.date(daysSince1970: days)
    let second = seconds - days * 86400
    let clock = [second / 3600, second / 60 % 60, second % 60].map { Self.digits($0, 2) }
    return "\(Self.digits(year, 4))-\(Self.digits(month, 2))-\(Self.digits(day, 2))"
      + "T\(clock.joined(separator: ":")).\(Self.digits(milliseconds - seconds * 1000, 3))Z"
  }

  /// The same to the second, in characters that every file system takes and in an order that sorts by time:
  /// `20260301T120000Z`.
  package var fileName: String {
    String(description.prefix { $0 != "." }.filter { $0 != "-" && $0 != ":" }) + "Z"
  }

  /// The Gregorian date, counted in eras of 400 years that begin on 1 March.
  private static func date(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  private static func floorDivide(_ dividend: Int64, by divisor: Int64) -> Int64 {
    let quotient = dividend / divisor
    return dividend % divisor < 0 ? quotient - 1 : quotient
  }

  private static func digits(_ number: Int64, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
