/// What is concluded about a site.
///
/// The raw value is the name in reports and JSON.
package enum Verdict: String, CaseIterable, Sendable {
  /// An inspection found blocks of the site that nothing references.
  case unreachable
  /// Net flow is above zero beyond chance.
  case growing
  /// It grew earlier; its net flow is now indistinguishable from zero.
  case settling
  /// It allocates and frees at equal rates.
  case steady
  /// It holds memory and did nothing over the horizon.
  case idle
  /// Too few samples to say.
  case new
  /// None of the others.
  case mixed
}

/// A verdict with the evidence for it.
package struct Assessment: Hashable, Sendable {
  package var verdict: Verdict
  package var finding: Finding

  /// The evidence as one sentence made of the figures.
  package var reason: String {
    get { finding.sentence }
    set { finding = .text(newValue) }
  }

  package init(verdict: Verdict, finding: Finding) {
    self.verdict = verdict
    self.finding = finding
  }

  package init(verdict: Verdict, reason: String) {
    self.init(verdict: verdict, finding: .text(reason))
  }
}

/// A rate with the interval it lies in, bytes per second.
package struct GrowthRate: Hashable, Sendable {
  package var bytesPerSecond: Double
  package var low: Double
  package var high: Double

  package init(bytesPerSecond: Double = 0, low: Double = 0, high: Double = 0) {
    self.bytesPerSecond = bytesPerSecond
    self.low = low
    self.high = high
  }
}
