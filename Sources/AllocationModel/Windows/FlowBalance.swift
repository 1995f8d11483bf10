internal import Glibc

/// Names the sites of one process that grow, from windows that each see some milliseconds.
///
/// Blocks that are still there at the end of a window say nothing: a cache that recycles has them, too. What counts is that
/// as many blocks come as go. Within a window both are recorded; `FlowAttribution` says which site the blocks came from
/// that were allocated before. Net flow is what came less what went.
package struct FlowBalance: Sendable {
  /// Seconds of the past that count.
  package let horizon: Double
  private let batchLimit: Int
  private var batches: [WindowBatch] = []
  /// Windows to a batch; doubles as batches become too many.
  private var batchSize = 1
  private var paces: [UInt32: ThreadPace] = [:]
  private var fullWindows = 0
  private var lightWindows = 0

  /// - Parameters:
  ///   - horizon: seconds, > 0.
  ///   - batchLimit: how many pieces of the past are told apart, ≥ 10 and even.
  package init(horizon: Double = 600, batchLimit: Int = 64) {
    precondition(horizon > 0 && batchLimit >= 10 && batchLimit.isMultiple(of: 2))
    self.horizon = horizon
    self.batchLimit = batchLimit
  }

  /// When the first window of the horizon opened, monotonic nanoseconds; nil before there is one.
  package var firstOpened: UInt64? { batches.first?.firstOpened }

  /// Adds a window; none may have opened later.
  package mutating func fold(_ reading: WindowReading) {
    for cell in reading.threads {
      paces[cell.thread, default: ThreadPace()].fold(
        cell, eventNanoseconds: reading.eventNanoseconds, isLight: reading.isLight)
    }
    guard !reading.isLight else {
      lightWindows += 1
      return
    }
    fullWindows += 1
    let batch = WindowBatch(reading, weights: paces.mapValues { $0.slowdown.value })
    if let last = batches.indices.last, batches[last].windowCount < batchSize {
      batches[last].append(batch)
    } else {
      if batches.count == batchLimit { halve() }
      batches.append(batch)
    }
    let horizonStart = Double(reading.opened) - horizon * 1e9
    batches.removeAll { Double($0.lastOpened) < horizonStart }
  }

  /// Light windows at the beginning, each after one that is not.
  private static let firstLight = 2
  /// Then one window in so many while that makes a thread's pace better known, and one in so many later, since programs
  /// change.
  private static let lightStride = 8
  private static let rareLightStride = 32

  /// Whether a window in which only frees are recorded would tell more of how much threads are slowed.
  package var wantsLightWindow: Bool {
    guard fullWindows > lightWindows else { return false }
    if lightWindows >= Self.firstLight, fullWindows < lightWindows * Self.rareLightStride {
      return fullWindows >= lightWindows * Self.lightStride
        && paces.values.contains { $0.isUnknown && $0.learnsFromLightWindows }
    }
    return paces.values.contains(where: \.isUnknown)
  }

  /// What the windows of the horizon say; nil before the second window.
  ///
  /// - Parameter census: bytes by which the heap really grew over the same time, as a range, where that is known.
  package func estimate(census: ClosedRange<Double>? = nil) -> FlowEstimate? {
    var total = WindowBatch()
    for batch in batches { total.append(batch) }
    guard total.windowCount > 1, total.recordedNanoseconds > 0 else { return nil }
    let windows = Double(total.windowCount)
    let elapsed = Double(total.lastOpened - total.firstOpened) / 1e9 * windows / (windows - 1)
    let recorded = Double(total.recordedNanoseconds) / 1e9
    let attribution = FlowAttribution(total)
    let flows = SampledFlows(batches: batches, total: total, attribution: attribution)
    let scale = RealTimeScale(
      duty: min(1, recorded / elapsed), paces: Array(paces.values),
      sampledGrowth: flows.heapGrowth, census: census)
    let sites = flows.sites.map { $0.scaled(by: scale, elapsed: elapsed) }
    let heap = HeapFlow(batches: batches, total: total, attribution: attribution)
    return FlowEstimate(
      elapsed: elapsed, recorded: recorded, windowCount: total.windowCount,
      netBytes: heap.scaled(by: scale),
      sites: sites.sorted {
        ($0.growth.low, $1.site) > ($1.growth.low, $0.site)
      },
      attributedBySize: attribution.attributedBySize,
      unattributedFrees: attribution.unattributed)
  }

  private mutating func halve() {
    for index in 0..<(batches.count / 2) {
      var merged = batches[2 * index]
      merged.append(batches[2 * index + 1])
      batches[index] = merged
    }
    batches.removeLast(batches.count / 2)
    batchSize *= 2
  }
}
