import AllocationModel
import ArgumentParser
import Serving

/// A share of a target's time, as it is written on the command line: `2%` or `0.02`.
struct Budget: ExpressibleByArgument {
  static let standard = Budget(share: 0.02)

  var share: Double

  private init(share: Double) { self.share = share }

  init?(argument: String) {
    guard let share = Quantity.share(argument), (0.001...0.5).contains(share) else { return nil }
    self.share = share
  }

  var defaultValueDescription: String { Quantity.text(share: share) }

  var settings: Governor.Settings { Governor.Settings(budget: share) }
}
