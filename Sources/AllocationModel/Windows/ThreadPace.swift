/// How much slower one thread gets on within windows than outside, over all windows so far.
///
/// A thread that is recorded spends `eventNanoseconds` on each event, so only the rest of its CPU time goes into its own
/// work. Outside, all of it does. Where the rest is small, it is known only roughly, hence the range.
struct ThreadPace: Hashable, Sendable {
  private var nanosecondsInside = 0.0
  private var nanosecondsObserving = 0.0
  private var recorded = 0.0
  private var nanosecondsBetween = 0.0
  private var betweenLength = 0.0

  /// How far the measured cost of an event may be off, as a share.
  private static let costUncertainty = 0.05
  /// No thread is taken for slower than this within a window.
  private static let slowest = 400.0

  mutating func fold(_ cell: ThreadCell, recorded: UInt64, eventNanoseconds: Double) {
    nanosecondsInside += Double(cell.nanosecondsInside)
    nanosecondsObserving += Double(cell.eventCount) * eventNanoseconds
    self.recorded += Double(recorded)
    nanosecondsBetween += Double(cell.nanosecondsBetween)
    betweenLength += Double(cell.betweenLength)
  }

  /// Progress outside over progress within, ≥ 1; and its range.
  var slowdown: (value: Double, low: Double, high: Double) {
    guard betweenLength > 0, nanosecondsInside > 0 else { return (1, 1, 1) }
    let expected = nanosecondsBetween / betweenLength * recorded
    func slowdown(_ observing: Double) -> Double {
      let own = max(nanosecondsInside - observing, expected / Self.slowest)
      return min(Self.slowest, max(1, expected / own))
    }
    return (
      slowdown(nanosecondsObserving),
      slowdown(nanosecondsObserving * (1 - Self.costUncertainty)),
      slowdown(nanosecondsObserving * (1 + Self.costUncertainty))
    )
  }
}
