internal import Glibc

/// Quantiles of the distributions that the trend tests use, as approximations good to about 2 %.
enum Quantile {
  /// Two-sided 95 % of the standard normal distribution.
  static let normal95 = 1.96

  /// Two-sided 95 % of Student's t for the mean of `intervals` values (expansion in 1/degrees of
  /// freedom).
  static func student95(intervals: Int) -> Double {
    let freedom = Double(max(1, intervals - 1))
    guard freedom < 1000 else { return normal95 }
    let z = normal95
    let z3 = z * z * z
    let z5 = z3 * z * z
    return z + (z3 + z) / (4 * freedom)
      + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom)
      + (3 * z5 * z * z + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom * freedom * freedom)
  }

  /// How many standard deviations growth must be above zero when `count` sites are tested together, again and again,
  /// so that all of them together raise a false alarm in about one of a hundred runs (Bonferroni; 3.3 for one site,
  /// 4.8 for 500, 5.7 for 100,000).
  static func strictness(testing count: Int) -> Double {
    // A run has about twenty looks that don't depend on one another. Abramowitz and Stegun 26.2.23.
    let t = (-2 * log(0.01 / (20 * Double(max(1, count))))).squareRoot()
    return t - (2.515517 + 0.802853 * t + 0.010328 * t * t)
      / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t)
  }
}
