/// Medians and ratios of a benchmark, as a table and as JSON.
struct Report {
  let frames: Int
  let hasFramePointers: Bool
  let samples: PairBenchmark.Samples

  /// Of all batches.
  func median(_ variant: PairBenchmark.Variant) -> Double? {
    Self.median((samples[variant] ?? []).flatMap { $0 })
  }

  /// The machine's speed drifts, so two kinds are compared round by round: the median of the rounds' ratios.
  func ratio(_ upper: PairBenchmark.Variant, over lower: PairBenchmark.Variant) -> Double? {
    let rounds = zip(samples[upper] ?? [], samples[lower] ?? []).compactMap { upper, lower in
      Self.median(upper).flatMap { upper in Self.median(lower).map { upper / $0 } }
    }
    return Self.median(rounds)
  }

  private static func median(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.sorted()[values.count / 2]
  }

  var text: String {
    var lines = [
      "one malloc+free pair, 64 alternating paths of \(frames) frames \(build), median ns:"
    ]
    for variant in PairBenchmark.Variant.allCases {
      guard let value = median(variant), let count = samples[variant]?.joined().count else {
        continue
      }
      lines.append(
        "  \(pad(variant.title, 46)) \(pad(rounded(value, 0), 8, right: true))   n=\(count)")
    }
    for (title, value) in ratios {
      lines.append("  \(pad(title, 46)) \(pad(rounded(value, 2), 8, right: true))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var build: String { "with\(hasFramePointers ? "" : "out") frame pointers" }

  private var ratios: [(String, Double)] {
    let free: Double? =
      if let first = median(.freeAtFirstByte), let chosen = median(.freeAtProbePoint),
        let base = median(.untouched), chosen > base
      {
        (first - base) / (chosen - base)
      } else { nil }
    let all: [(String, Double?)] = [
      ("exact over the floor", ratio(.exact, over: .floor)),
      ("the same, every rule searched anew", ratio(.exactWithoutCache, over: .floor)),
      ("exact over the script at first bytes", ratio(.exact, over: .scriptAtFirstBytes)),
      ("exact over the script at the probe points", ratio(.exact, over: .scriptAtProbePoints)),
      ("a probe on free: first byte over probe point", free),
    ]
    return all.compactMap { title, value in value.map { (title, $0) } }
  }

  var json: String {
    let values = PairBenchmark.Variant.allCases.compactMap { variant in
      median(variant).map { "\"\(variant.rawValue)\":\(rounded($0, 1))" }
    }
    let ratios = ratios.map { "\"\($0.0)\":\(rounded($0.1, 3))" }
    return
      "{\"frames\":\(frames),\"frame_pointers\":\(hasFramePointers),\"median_ns\":{\(values.joined(separator: ","))},"
      + "\"ratios\":{\(ratios.joined(separator: ","))}}"
  }

  private func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
    let fill = String(repeating: " ", count: max(0, width - text.count))
    return right ? fill + text : text + fill
  }

  private func rounded(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let number = (value * scale).rounded() / scale
    return digits == 0 ? String(Int(number)) : String(number)
  }
}
