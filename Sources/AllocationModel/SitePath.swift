/// The levels that a site went through, with the windows that it is judged by.
struct SitePath {
  /// What a level counts.
  enum Measure {
    case blocks, bytes
  }

  /// A part of the samples, from a baseline on.
  struct Window {
    /// The baseline and the last sample.
    var start: Int
    var end: Int
    /// Seconds since observation began; later than the baseline where nothing happened since.
    var startElapsed: Double
    var duration: Double
  }

  /// How a level climbed over a window, and fell.
  struct Climb {
    /// Times that it was higher than ever before, as far as samples tell.
    var rises = 0
    var polls = 0.0
    /// The deepest fall from one level to a later one, ≥ 0; looked for in a longer past than the window's.
    var fall = 0.0
    /// Seconds since the highest level was reached first, and from the highest before it to it.
    var sinceHighest = 0.0
    var lastStep = 0.0
    /// The least and the most that the level was multiplied by when it rose.
    var ratios = (least: Double.infinity, most: 1.0)
  }

  let samples: UnsafeBufferPointer<FlowSample>
  /// Everything, everything but the warm-up, and what of that lies within the horizon.
  let all: Window
  let settled: Window
  let recent: Window

  private let lifetimes: Lifetimes?

  init(
    _ samples: UnsafeBufferPointer<FlowSample>, firstElapsed: Double, lifetimes: Lifetimes?,
    _ settings: SnapshotBuilder.Settings
  ) {
    self.samples = samples
    self.lifetimes = lifetimes
    let end = max(0, samples.count - 1)
    let last = samples.last?.elapsed ?? 0
    func window(from start: Int, _ startElapsed: Double? = nil) -> Window {
      let begin = startElapsed ?? (samples.isEmpty ? 0 : samples[start].elapsed)
      return Window(start: start, end: end, startElapsed: begin, duration: last - begin)
    }
    all = window(from: 0)
    let warmUp = min(settings.warmUpLimit, (last - firstElapsed) / 5)
    var start = samples.firstIndex { $0.elapsed >= firstElapsed + warmUp } ?? 0
    var polls = 1 + samples[start...].dropFirst().reduce(0) { $0 + Int($1.pollCount) }
    while start > 0, polls < settings.minimumSamples {
      polls += Int(samples[start].pollCount)
      start -= 1
    }
    settled = window(from: start)
    let horizon = last - settings.horizon
    while start + 1 < end, samples[start + 1].elapsed <= horizon { start += 1 }
    // Where nothing happened in the first interval, its baseline may move up to the horizon.
    let isCut = start + 1 <= end && samples[start + 1].isQuiet && samples[start].elapsed < horizon
    recent = window(from: start, isCut ? horizon : nil)
  }

  func flow(_ window: Window) -> NetFlow {
    guard !samples.isEmpty else { return NetFlow() }
    return NetFlow(
      samples[window.start...window.end], from: window.startElapsed, lifetimes: lifetimes)
  }

  /// The sample nearest to a time.
  func index(nearest time: Double) -> Int {
    var nearest = 0
    for index in samples.indices
    where (samples[index].elapsed - time).magnitude < (samples[nearest].elapsed - time).magnitude {
      nearest = index
    }
    return nearest
  }

  func halves(of window: Window) -> (Window, Window) {
    let middle = min(
      max(index(nearest: window.startElapsed + window.duration / 2), window.start), window.end)
    let time = samples.isEmpty ? 0 : samples[middle].elapsed
    let length = max(0, time - window.startElapsed)
    return (
      Window(
        start: window.start, end: middle, startElapsed: window.startElapsed, duration: length),
      Window(
        start: middle, end: window.end, startElapsed: time, duration: window.duration - length)
    )
  }

  /// - Returns: falls are looked for in a past six times as long, since what rises now may have fallen before.
  func climb(_ window: Window, by measure: Measure) -> Climb {
    var climb = Climb()
    guard window.end > window.start else { return climb }
    var start = window.start
    let past = samples[window.end].elapsed - 6 * window.duration
    let earliest = settled.start <= window.start ? settled.start : window.start
    while start > earliest, samples[start - 1].elapsed >= past { start -= 1 }
    var highest = level(start, measure)
    var highestElapsed = window.startElapsed
    for index in start + 1...window.end {
      let sample = samples[index]
      let course = measure == .blocks ? sample.blocks : sample.bytes
      let level = level(index, measure)
      climb.fall = max(climb.fall, Double(course.fall), highest - level - Double(course.low))
      let isInside = index > window.start
      if isInside { climb.polls += Double(sample.pollCount) }
      guard level + Double(course.high) > highest else { continue }
      highest = level + Double(course.high)
      if isInside {
        climb.rises += 1
        let ratio = level / max(1, self.level(index - 1, measure))
        climb.ratios = (min(climb.ratios.least, ratio), max(climb.ratios.most, ratio))
        climb.lastStep = sample.elapsed - highestElapsed
        highestElapsed = sample.elapsed
      }
    }
    climb.sinceHighest = samples[window.end].elapsed - highestElapsed
    return climb
  }

  /// Each quarter of a window has a quarter of its even share of the growth, the last one more.
  ///
  /// What grew for a part of the time only is a burst, or has come to its end.
  /// - Parameter leastAtLast: what the last quarter has to have of its share.
  func isSpread(
    _ net: Estimate, over window: Window, by measure: Measure, leastAtLast: Double
  ) -> Bool {
    var start = window.start
    for quarter in 1...4 {
      let time = window.startElapsed + window.duration * Double(quarter) / 4
      var end = quarter == 4 ? window.end : start
      while end < window.end,
        (samples[end + 1].elapsed - time).magnitude <= (samples[end].elapsed - time).magnitude
      {
        end += 1
      }
      guard end > start else { continue }
      let share =
        (samples[end].elapsed - max(samples[start].elapsed, window.startElapsed)) / window.duration
      let rise = level(end, measure) - level(start, measure)
      let least = (quarter == 4 ? leastAtLast : 0.25) * net.value * share
      guard rise + 0.6 * net.deviation * share.squareRoot() >= least else { return false }
      start = end
    }
    return true
  }

  private func level(_ index: Int, _ measure: Measure) -> Double {
    let counters = samples[index].counters
    return measure == .blocks
      ? counters.netBlocks(since: AllocationCounters())
      : counters.netBytes(since: AllocationCounters())
  }
}

extension NetFlow {
  func net(_ measure: SitePath.Measure) -> Estimate { measure == .blocks ? blocks : bytes }
}
