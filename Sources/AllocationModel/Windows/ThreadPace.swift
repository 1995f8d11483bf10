internal import Glibc

/// How much slower one thread gets on within windows than outside, over all windows so far.
///
/// A thread that is recorded spends `eventNanoseconds` on each event, so only the rest of its CPU time goes into its own
/// work. Outside, all of it does. Where the rest is small, it is known only roughly, hence the range.
///
/// A thread that mostly sleeps has time to spare: it does the same work within a window, or little less, and sleeps less.
struct ThreadPace: Hashable, Sendable {
  private var nanosecondsInside = 0.0
  private var nanosecondsObserving = 0.0
  private var recorded = 0.0
  private var nanosecondsBetween = 0.0
  private var betweenLength = 0.0

  /// How far the measured cost of an event usually is off, as a share: caches are colder in some programs than in others.
  private static let usualUncertainty = 0.15
  /// How far it may be off: on a busy machine a processor is taken away from virtual ones without being missed in their
  /// CPU time.
  private static let greatestUncertainty = 0.5
  /// No thread is taken for slower than this within a window.
  private static let slowest = 400.0
  /// A thread that has less of a core outside of windows mostly sleeps. One with more may be waiting for a processor
  /// for the rest of the time.
  private static let sleepersShare = 0.1

  mutating func fold(_ cell: ThreadCell, eventNanoseconds: Double) {
    // Of what is known of half a pair nothing is learnt.
    guard cell.insideLength > 0 else { return }
    nanosecondsInside += Double(cell.nanosecondsInside)
    nanosecondsObserving += Double(cell.eventsInside) * eventNanoseconds
    recorded += Double(cell.insideLength)
    nanosecondsBetween += Double(cell.nanosecondsBetween)
    betweenLength += Double(cell.betweenLength)
  }

  /// Progress outside over progress within, ≥ 1; and its range.
  var slowdown: (value: Double, low: Double, high: Double) {
    guard betweenLength > 0, nanosecondsInside > 0 else { return (1, 1, 1) }
    let expected = nanosecondsBetween / betweenLength * recorded
    let most = min(Self.slowest, mostBySleeping)
    func slowdown(_ observing: Double) -> Double {
      let own = max(nanosecondsInside - observing, expected / Self.slowest)
      return min(most, max(1, expected / own))
    }
    func range(_ uncertainty: Double) -> (low: Double, high: Double) {
      (
        slowdown(nanosecondsObserving * (1 - uncertainty)),
        slowdown(nanosecondsObserving * (1 + uncertainty))
      )
    }
    // What is left of the time may be nothing but error: then the middle of what is possible.
    let usual = range(Self.usualUncertainty)
    let isKnown =
      nanosecondsInside - nanosecondsObserving > nanosecondsObserving * Self.usualUncertainty
    let value =
      isKnown ? slowdown(nanosecondsObserving) : (usual.low * usual.high).squareRoot()
    let (low, high) = range(Self.greatestUncertainty)
    return (value, low, high)
  }

  /// How much slower a thread can be that sleeps as long for each piece of its work as outside.
  private var mostBySleeping: Double {
    let outside = nanosecondsBetween / betweenLength
    guard outside < Self.sleepersShare else { return .infinity }
    let inside = min(1, nanosecondsInside / recorded)
    return inside < 1 ? max(1, (1 - outside) / (1 - inside)) : .infinity
  }
}
