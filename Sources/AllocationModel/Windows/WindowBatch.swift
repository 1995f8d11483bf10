/// Blocks counted in windows, each with the weight of its thread.
struct WeightedCount: Hashable, Sendable {
  /// As recorded.
  var sampled = 0.0
  /// With weights: what the threads would have done without being slowed.
  var weighted = 0.0
  /// Weights squared and summed: the variance of `weighted` if the blocks come independently.
  var squares = 0.0

  mutating func add(_ blocks: UInt64, weight: Double) {
    let blocks = Double(blocks)
    sampled += blocks
    weighted += blocks * weight
    squares += blocks * weight * weight
  }

  static func += (lhs: inout Self, rhs: Self) {
    lhs.sampled += rhs.sampled
    lhs.weighted += rhs.weighted
    lhs.squares += rhs.squares
  }

  static func -= (lhs: inout Self, rhs: Self) {
    lhs.sampled -= rhs.sampled
    lhs.weighted -= rhs.weighted
    lhs.squares -= rhs.squares
  }
}

/// A site, or a call of `free`, with a chunk size in bytes.
struct SizedPlace: Hashable, Sendable {
  var place: UInt32
  var sizeClass: UInt64
}

/// Which site's blocks of a size were freed by which call.
struct SizedPair: Hashable, Sendable {
  var site: UInt32
  var freeSite: UInt32
  var sizeClass: UInt64
}

/// Blocks of unknown size that calls of one place gave another one.
struct Resizes: Hashable, Sendable {
  /// With weights, and the bytes that they have now.
  var count = 0.0
  var bytes = 0.0
  /// Others, of which it is known by how many bytes they became larger, as recorded.
  var known = 0.0
  var growth = 0.0

  static func + (lhs: Self, rhs: Self) -> Self {
    Resizes(
      count: lhs.count + rhs.count, bytes: lhs.bytes + rhs.bytes, known: lhs.known + rhs.known,
      growth: lhs.growth + rhs.growth)
  }
}

/// Some windows that follow one another, taken together.
struct WindowBatch: Sendable {
  var windowCount = 0
  /// Monotonic nanoseconds at which the first and the last window opened.
  var firstOpened: UInt64 = 0
  var lastOpened: UInt64 = 0
  var recordedNanoseconds: UInt64 = 0
  /// Seconds recorded, > 0: what may have happened in it goes with that, not with the number of its windows.
  var length: Double { max(1e-6, Double(recordedNanoseconds) / 1e9) }
  /// All blocks, and their requested bytes.
  var allocated: [SizedPlace: WeightedCount] = [:]
  var bytes: [SizedPlace: Double] = [:]
  /// Blocks that outlived their window.
  var survivors: [SizedPlace: WeightedCount] = [:]
  /// Their requested bytes, with weights.
  var survivingBytes = 0.0
  /// Frees of blocks from before their window, by the call.
  var unknown: [SizedPlace: WeightedCount] = [:]
  /// Pairs seen within a window, blocks as recorded.
  var pairs: [SizedPair: Double] = [:]
  /// Frees whose address a site had been given in an earlier window, blocks as recorded.
  var hints: [SizedPair: Double] = [:]
  /// By the call.
  var resizes: [UInt32: Resizes] = [:]

  init() {}

  /// - Parameter weights: by thread; 1 for one that is missing.
  init(_ reading: WindowReading, weights: [UInt32: Double]) {
    windowCount = 1
    firstOpened = reading.opened
    lastOpened = reading.opened
    recordedNanoseconds = reading.recordedNanoseconds
    for cell in reading.allocations {
      let key = SizedPlace(place: cell.site, sizeClass: cell.sizeClass)
      let weight = weights[cell.thread] ?? 1
      allocated[key, default: WeightedCount()].add(cell.blocks, weight: weight)
      survivors[key, default: WeightedCount()].add(cell.blocks, weight: weight)
      bytes[key, default: 0] += Double(cell.bytes)
      survivingBytes += Double(cell.bytes) * weight
    }
    for cell in reading.matchedFrees {
      let key = SizedPlace(place: cell.site, sizeClass: cell.sizeClass)
      var matched = WeightedCount()
      let weight = weights[cell.allocatingThread] ?? 1
      matched.add(cell.blocks, weight: weight)
      survivingBytes -= Double(cell.bytes) * weight
      survivors[key, default: WeightedCount()] -= matched
      pairs[
        SizedPair(site: cell.site, freeSite: cell.freeSite, sizeClass: cell.sizeClass),
        default: 0] += Double(cell.blocks)
    }
    for cell in reading.unknownFrees {
      let key = SizedPlace(place: cell.freeSite, sizeClass: cell.sizeClass)
      unknown[key, default: WeightedCount()].add(cell.blocks, weight: weights[cell.thread] ?? 1)
      guard let site = cell.formerSite else { continue }
      hints[
        SizedPair(site: site, freeSite: cell.freeSite, sizeClass: cell.sizeClass), default: 0] +=
        Double(cell.blocks)
    }
    for cell in reading.resizes {
      let weight = weights[cell.thread] ?? 1
      let some = Resizes(
        count: Double(cell.unknown) * weight, bytes: Double(cell.bytes) * weight,
        known: Double(cell.known), growth: Double(cell.growth))
      resizes.merge([cell.freeSite: some], uniquingKeysWith: +)
    }
  }

  /// Adds what came after it.
  mutating func append(_ later: WindowBatch) {
    if windowCount == 0 { firstOpened = later.firstOpened }
    windowCount += later.windowCount
    lastOpened = later.lastOpened
    recordedNanoseconds += later.recordedNanoseconds
    allocated.merge(later.allocated) { $0.summed(with: $1) }
    survivors.merge(later.survivors) { $0.summed(with: $1) }
    unknown.merge(later.unknown) { $0.summed(with: $1) }
    bytes.merge(later.bytes, uniquingKeysWith: +)
    pairs.merge(later.pairs, uniquingKeysWith: +)
    hints.merge(later.hints, uniquingKeysWith: +)
    resizes.merge(later.resizes, uniquingKeysWith: +)
    survivingBytes += later.survivingBytes
  }
}

extension WeightedCount {
  fileprivate func summed(with other: Self) -> Self {
    var sum = self
    sum += other
    return sum
  }
}
