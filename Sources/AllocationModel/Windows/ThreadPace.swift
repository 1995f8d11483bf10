internal import Glibc

/// How much slower one thread gets on within windows than outside, over all windows so far.
///
/// A thread that is recorded spends `eventNanoseconds` on each event, so only the rest of its CPU time goes into its own
/// work. Outside, all of it does. Where the rest is small, it is known only roughly, hence the range.
///
/// More is known of a thread that was also recorded in light windows, where only its frees take longer: the work between
/// two frees is the same in both kinds, and what differs is the cost of events. So the measured cost need not be right,
/// only the ratio of the two.
///
/// A thread that mostly sleeps has time to spare: it does the same work within a window, or little less, and sleeps less.
struct ThreadPace: Hashable, Sendable {
  /// Of all windows of a kind.
  private struct Inside: Hashable {
    /// CPU time.
    var nanoseconds = 0.0
    /// That part of it, as measured, for which its events are responsible.
    var observing = 0.0
    /// Calls of functions that free.
    var frees = 0.0

    mutating func add(_ cell: ThreadCell, eventNanoseconds: Double) {
      nanoseconds += Double(cell.nanosecondsInside)
      observing += Double(cell.eventsInside) * eventNanoseconds
      frees += Double(cell.freesInside)
    }
  }

  private var full = Inside()
  private var light = Inside()
  private var recorded = 0.0
  private var nanosecondsBetween = 0.0
  private var betweenLength = 0.0

  /// How far the measured cost of an event usually is off, as a share: caches are colder in some programs than in others.
  private static let usualUncertainty = 0.15
  /// How far it may be off: on a busy machine a processor is taken away from virtual ones without being missed in their
  /// CPU time.
  private static let greatestUncertainty = 0.5
  /// An event in a light window takes so much longer, compared to one in a full one, than was measured: 1.07 to 1.22 of
  /// programs whose own work is known (Linux 6.18). How far that usually is off, and how far it may be, as shares.
  private static let lightExcess = 1.15
  private static let usualRatioUncertainty = 0.08
  private static let ratioUncertainty = 0.2
  /// A range whose ends differ by no more than this factor need not be narrower.
  private static let enoughPrecision = 1.5
  /// Fewer frees in windows of a kind say little of the work between two.
  private static let fewestFrees = 200.0
  /// By how much more counts of frees differ than if these came one by one.
  private static let clustering = 3.0
  /// No thread is taken for slower than this within a window.
  private static let slowest = 400.0
  /// A thread that has less of a core outside of windows mostly sleeps. One with more may be waiting for a processor
  /// for the rest of the time.
  private static let sleepersShare = 0.1

  mutating func fold(_ cell: ThreadCell, eventNanoseconds: Double, isLight: Bool = false) {
    // Of what is known of half a pair nothing is learnt.
    guard cell.insideLength > 0 else { return }
    if isLight {
      light.add(cell, eventNanoseconds: eventNanoseconds)
    } else {
      full.add(cell, eventNanoseconds: eventNanoseconds)
      recorded += Double(cell.insideLength)
    }
    nanosecondsBetween += Double(cell.nanosecondsBetween)
    betweenLength += Double(cell.betweenLength)
  }

  /// Progress outside over progress within, ≥ 1; and its range.
  var slowdown: (value: Double, low: Double, high: Double) {
    guard betweenLength > 0, full.nanoseconds > 0 else { return (1, 1, 1) }
    let own = ownWork
    return (slowdown(own.value), slowdown(own.high), slowdown(own.low))
  }

  /// Whether light windows may tell more of it.
  var isUnknown: Bool {
    guard full.frees >= Self.fewestFrees else { return false }
    let slowdown = slowdown
    return slowdown.high > Self.enoughPrecision * slowdown.low
  }

  /// Whether chance is what makes it uncertain; more windows don't help against what is wrong with the costs.
  var learnsFromLightWindows: Bool {
    light.frees < Self.fewestFrees
      || noise * light.nanoseconds > Self.ratioUncertainty / 2 * light.observing
  }

  private func slowdown(_ own: Double) -> Double {
    min(Self.slowest, mostBySleeping, max(1, expectedWork / max(own, leastWork)))
  }

  /// CPU time for its own work that it would have had in full windows if nobody had looked, nanoseconds.
  private var expectedWork: Double { nanosecondsBetween / betweenLength * recorded }
  private var leastWork: Double { expectedWork / Self.slowest }

  /// CPU time that its own work had in full windows, nanoseconds.
  private var ownWork: (value: Double, low: Double, high: Double) {
    let cost = judgedByCost
    guard let ratio = judgedByRatio else { return (cost.usual.middle, cost.low, cost.high) }
    let usual = ratio.usual.width < cost.usual.width ? ratio.usual : cost.usual
    // Where the two contradict each other, the cost was measured wrongly.
    guard ratio.low <= cost.high, ratio.high >= cost.low else {
      return (ratio.usual.middle, ratio.low, ratio.high)
    }
    let (low, high) = (max(cost.low, ratio.low), min(cost.high, ratio.high))
    return (min(high, max(low, usual.middle)), low, high)
  }

  /// What own work usually is, and what it may be.
  private typealias Judgement = (usual: UsualRange, low: Double, high: Double)

  private var judgedByCost: Judgement {
    func own(_ uncertainty: Double) -> Double {
      max(leastWork, full.nanoseconds - full.observing * (1 + uncertainty))
    }
    return (
      UsualRange(
        value: own(0), low: own(Self.usualUncertainty), high: own(-Self.usualUncertainty),
        least: leastWork),
      own(Self.greatestUncertainty), own(-Self.greatestUncertainty)
    )
  }

  /// By which share the ratio of frees in both kinds may be off: they come by chance, and not one by one.
  private var noise: Double {
    Self.clustering * (1 / light.frees + 1 / full.frees).squareRoot()
  }

  /// Of n frees in full windows and m in light ones: own / n = (light CPU time − c·light cost) / m and
  /// own = full CPU time − c·full cost, with the same c.
  private var judgedByRatio: Judgement? {
    guard light.frees >= Self.fewestFrees, full.frees >= Self.fewestFrees, full.observing > 0 else {
      return nil
    }
    let cost = light.observing / full.observing * Self.lightExcess
    func own(_ uncertainty: Double) -> Double? {
      let sign = uncertainty > 0 ? -1.0 : uncertainty < 0 ? 1 : 0
      let frees = full.frees / light.frees * (1 + sign * noise)
      let cost = cost * (1 + uncertainty)
      guard frees * cost < 0.9 else { return nil }
      let own = frees * (light.nanoseconds - cost * full.nanoseconds) / (1 - frees * cost)
      return min(full.nanoseconds, max(leastWork, own))
    }
    guard let low = own(Self.ratioUncertainty), let high = own(-Self.ratioUncertainty),
      let usualLow = own(Self.usualRatioUncertainty),
      let usualHigh = own(-Self.usualRatioUncertainty),
      let value = own(0)
    else { return nil }
    return (
      UsualRange(value: value, low: usualLow, high: usualHigh, least: leastWork), low, high
    )
  }

  /// How much slower a thread can be that sleeps as long for each piece of its work as outside.
  private var mostBySleeping: Double {
    let outside = nanosecondsBetween / betweenLength
    guard outside < Self.sleepersShare else { return .infinity }
    let inside = min(1, full.nanoseconds / recorded)
    return inside < 1 ? max(1, (1 - outside) / (1 - inside)) : .infinity
  }
}

/// What is usually left of a thread's time, nanoseconds.
private struct UsualRange {
  var middle: Double
  /// Its upper end over its lower one; infinite where nothing seems to be left.
  var width: Double

  /// - Parameter least: what is left may be nothing but error; then the middle of what is possible counts.
  init(value: Double, low: Double, high: Double, least: Double) {
    middle = low > least ? value : (low * high).squareRoot()
    width = high > least ? high / low : .infinity
  }
}
