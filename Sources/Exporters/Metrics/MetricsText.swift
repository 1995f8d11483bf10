/// Metrics in one of the two text formats that Prometheus reads.
///
/// Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4) and the OpenMetrics specification 1.0.
struct MetricsText {
  enum Kind: String {
    case gauge, counter, info
  }

  let format: MetricsFormat
  private(set) var text = ""
  private var family = ""

  init(format: MetricsFormat) {
    self.format = format
  }

  /// Begins a family; its samples follow. `name` is without the suffix `_total` or `_info`, which the kind adds.
  mutating func family(_ name: String, _ kind: Kind, unit: String? = nil, help: String) {
    let suffix =
      switch kind {
      case .gauge: ""
      case .counter: "_total"
      case .info: "_info"
      }
    family = name + suffix
    // Only in OpenMetrics is the family's name without the suffix.
    let declared = format == .openMetrics ? name : family
    let declaredKind = format == .prometheus && kind == .info ? Kind.gauge : kind
    text += "# HELP \(declared) \(Self.escapedHelp(help, format))\n"
    text += "# TYPE \(declared) \(declaredKind.rawValue)\n"
    if format == .openMetrics, let unit { text += "# UNIT \(declared) \(unit)\n" }
  }

  mutating func sample(_ labels: [(String, String)] = [], value: some BinaryInteger) {
    sample(labels, digits: String(value))
  }

  mutating func sample(_ labels: [(String, String)] = [], value: Double) {
    sample(labels, digits: Self.number(value))
  }

  /// Marks the end, where the format has a mark.
  mutating func end() {
    if format == .openMetrics { text += "# EOF\n" }
  }

  private mutating func sample(_ labels: [(String, String)], digits: String) {
    text += family
    if !labels.isEmpty {
      text += "{"
      for (index, label) in labels.enumerated() {
        if index > 0 { text += "," }
        text += "\(label.0)=\"\(Self.escapedLabel(label.1))\""
      }
      text += "}"
    }
    text += " \(digits)\n"
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return value.description
  }

  /// At most 200 characters of a name that somebody else chose.
  static func escapedLabel(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars.prefix(200) {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: escaped += "?"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func escapedHelp(_ help: String, _ format: MetricsFormat) -> String {
    let escaped = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    return format == .openMetrics ? escaped.replacing("\"", with: "\\\"") : escaped
  }
}

/// A text format of metrics.
package enum MetricsFormat: Hashable, Sendable, CaseIterable {
  case prometheus
  case openMetrics

  /// The media type with its parameters.
  package var contentType: String {
    switch self {
    case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }

  /// What a client wants that sent such an `Accept` field (RFC 9110, section 12.5.1).
  ///
  /// The format with the higher weight; OpenMetrics only if it is named.
  package static func preferred(accept: String?) -> MetricsFormat {
    guard let accept else { return .prometheus }
    var weights: [MetricsFormat: Double] = [:]
    var anything = 0.0
    for range in accept.split(separator: ",") {
      let parts = range.split(separator: ";").map { $0.trimmed.lowercased() }
      guard let type = parts.first else { continue }
      let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.map {
        Double($0.dropFirst(2)) ?? 0
      }
      let weight = quality ?? 1
      switch type {
      case "application/openmetrics-text":
        let version = parts.first { $0.hasPrefix("version=") }?.dropFirst(8)
        guard version == nil || version == "1.0.0" else { continue }
        weights[.openMetrics] = max(weight, weights[.openMetrics] ?? 0)
      case "text/plain", "text/*": weights[.prometheus] = max(weight, weights[.prometheus] ?? 0)
      case "*/*": anything = weight
      default: continue
      }
    }
    let openMetrics = weights[.openMetrics] ?? 0
    return openMetrics > 0 && openMetrics >= weights[.prometheus] ?? anything
      ? .openMetrics : .prometheus
  }
}

extension StringProtocol {
  var trimmed: String {
    var rest = self[...]
    while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
    return String(rest)
  }
}
