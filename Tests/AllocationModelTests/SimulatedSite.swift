import AllocationModel
import Glibc
import TestSupport

/// A site of a made-up program, which can be asked for its counters again and again.
struct SimulatedSite {
  /// What kind of program it belongs to; parameters are drawn anew for each site.
  enum Kind: String, CaseIterable {
    // Free of leaks.
    case churn, burst, waves, sawtooth, collected, cache, startup, hashTable, buffers, queue, drift
    // Leaks.
    case leak, leakInChurn, burstLeak, growingBuffer, backlog, slowLeak

    static let leakFree: [Kind] = [
      .churn, .burst, .waves, .sawtooth, .collected, .cache, .startup, .hashTable, .buffers, .queue,
      .drift,
    ]
    static let leaks: [Kind] = [.leak, .leakInChurn, .burstLeak, .growingBuffer, .backlog]
  }

  let kind: Kind
  private(set) var counters = AllocationCounters()
  private var generator: SeededGenerator
  /// Blocks or batches a second, seconds, blocks: what they mean depends on the kind.
  private var rate = 1.0
  private var lifetime = 1.0
  private var batch = 1
  private var blockSize: UInt64 = 100
  private var period = 30.0
  private var time = 0.0
  private var live = 0
  private var nextTurn = 0.0
  /// When batches are freed, and how large each is.
  private var pending: [(due: Double, count: Int)] = []
  private var bufferSizes: [UInt64] = []

  init(_ kind: Kind, seed: UInt64) {
    self.kind = kind
    generator = SeededGenerator(seed: seed)
    blockSize = UInt64(logUniform(16, 65_536))
    switch kind {
    case .churn, .drift:
      rate = logUniform(0.1, 2000)
      lifetime = logUniform(0.01, 40)
    case .burst:
      rate = 1 / uniform(5, 40)
      lifetime = uniform(1, 40)
      batch = Int(logUniform(3, 10_000))
    case .waves:
      rate = logUniform(5, 1000)
      lifetime = logUniform(0.1, 10)
      period = uniform(10, 60)
    case .sawtooth, .collected:
      rate = logUniform(0.2, 1000)
      period = uniform(5, 60)
      nextTurn = period
    case .cache:
      rate = logUniform(1, 1000)
      batch = Int(rate * uniform(5, 30))
    case .startup:
      rate = logUniform(1, 1000)
      period = uniform(2, 30)
      batch = 5
    case .hashTable:
      rate = logUniform(1, 1000)
      batch = Int(rate * uniform(5, 40))
      bufferSizes = [64]
    case .buffers: bufferSizes = (0..<Int(uniform(1, 6))).map { _ in 1024 }
    case .queue:
      rate = logUniform(1, 500)
      lifetime = uniform(0.5, 0.9)
    case .leak, .slowLeak: rate = kind == .leak ? logUniform(1, 200) : uniform(0.05, 0.2)
    case .leakInChurn:
      rate = uniform(1, 20)
      lifetime = logUniform(0.01, 5)
    case .burstLeak:
      rate = 1
      batch = Int(uniform(2, 20))
    case .growingBuffer: bufferSizes = [4096]
    case .backlog: rate = logUniform(5, 200)
    }
  }

  /// Age of the oldest block, where the kind knows it.
  var oldest: Double? { kind == .backlog ? 0.5 * time : nil }

  /// Ages at which blocks were freed, where the kind knows them: at first, only young ones can have been.
  var lifetimes: Lifetimes? {
    switch kind {
    case .churn, .drift, .waves, .leakInChurn, .burst:
      Lifetimes(
        median: min(0.69 * lifetime, 0.29 * time), percentile90: min(2.3 * lifetime, 0.68 * time))
    case .queue:
      Lifetimes(
        median: 0.7 * Double(live) / rate + 0.7 / rate,
        percentile90: 2.3 * Double(live) / rate + 2.3 / rate)
    case .backlog: Lifetimes(median: 0.25 * time, percentile90: 0.45 * time)
    default: nil
    }
  }

  mutating func advance(by seconds: Double) {
    let start = time
    time += seconds
    switch kind {
    case .churn: churn(rate, seconds)
    case .drift:
      // Load that wanders between a half and one and a half.
      churn(rate * (1 + 0.5 * sin(time / 40)), seconds)
    case .waves: churn(rate * (sin(2 * .pi * time / period) > 0 ? 1 : 0.1), seconds)
    case .burst, .burstLeak: advanceBursts(seconds)
    case .sawtooth, .collected: advanceSawtooth(seconds)
    case .cache:
      let born = poisson(rate * seconds)
      allocate(born)
      if live > batch { free(live - batch) }
    case .startup:
      // Then a few entries more.
      let isStarting = time < period
      let born = poisson(isStarting ? rate * seconds : 0.01 * seconds)
      let late = isStarting ? born : min(born, batch)
      if !isStarting { batch -= late }
      allocate(late)
    case .hashTable:
      let entries = min(Double(batch), rate * time)
      while Double(bufferSizes[0]) < 16 * entries { resize(0, to: 2 * bufferSizes[0]) }
    case .buffers:
      for index in bufferSizes.indices where uniform(0, 1) < 0.2 {
        resize(index, to: UInt64(logUniform(512, 65_536)))
      }
    case .queue:
      // Arrivals and departures of a single server.
      let steps = poisson(rate * (1 + lifetime) * seconds)
      var (born, died) = (0, 0)
      for _ in 0..<min(steps, 20_000) {
        if uniform(0, 1) < lifetime / (1 + lifetime) {
          born += 1
        } else if live + born - died > 0 {
          died += 1
        }
      }
      allocate(born)
      free(died)
    case .leak, .slowLeak: allocate(poisson(rate * seconds))
    case .leakInChurn:
      churn(rate * 4, seconds)
      let leaked = poisson(rate * seconds)
      count(allocated: leaked)
    case .growingBuffer:
      for _ in 0..<poisson(0.7 * seconds) { resize(0, to: bufferSizes[0] + 512) }
    case .backlog:
      // What is freed now was allocated at half of the time.
      allocate(poisson(rate * seconds))
      free(poisson(rate * 0.5 * min(seconds, time - start)))
    }
  }

  // MARK: Behaviour

  /// Poisson births and exponential lifetimes.
  private mutating func churn(_ rate: Double, _ seconds: Double) {
    let survival = exp(-seconds / lifetime)
    let dying = binomial(live, 1 - survival)
    let born = poisson(rate * seconds)
    // Of those born in between, some die in between.
    let kept = lifetime / seconds * (1 - survival)
    allocate(born)
    free(dying + binomial(born, 1 - kept))
  }

  private mutating func advanceBursts(_ seconds: Double) {
    for _ in 0..<poisson(rate * seconds) {
      allocate(batch)
      pending.append((time + generator.exponential(mean: lifetime), batch))
    }
    guard kind == .burst else { return }
    for entry in pending where entry.due <= time { free(entry.count) }
    pending.removeAll { $0.due <= time }
  }

  private mutating func advanceSawtooth(_ seconds: Double) {
    if time >= nextTurn {
      free(kind == .collected ? Int(Double(live) * uniform(0.7, 1)) : live)
      nextTurn = time + period * uniform(0.8, 1.2)
    }
    allocate(poisson(rate * seconds))
  }

  private mutating func allocate(_ blocks: Int) {
    live += blocks
    count(allocated: blocks)
  }

  private mutating func count(allocated blocks: Int) {
    counters += AllocationCounters(
      allocatedBytes: UInt64(blocks) * blockSize, allocatedBlocks: UInt64(blocks))
  }

  private mutating func free(_ blocks: Int) {
    let blocks = min(live, blocks)
    live -= blocks
    counters += AllocationCounters(
      freedBytes: UInt64(blocks) * blockSize, freedBlocks: UInt64(blocks))
  }

  private mutating func resize(_ index: Int, to size: UInt64) {
    // The first size was never counted as allocated.
    let isFirst = counters.allocatedBlocks < UInt64(bufferSizes.count)
    counters += AllocationCounters(
      allocatedBytes: size, allocatedBlocks: 1, freedBytes: isFirst ? 0 : bufferSizes[index],
      freedBlocks: isFirst ? 0 : 1)
    bufferSizes[index] = size
  }

  // MARK: Chance

  private mutating func uniform(_ low: Double, _ high: Double) -> Double {
    Double.random(in: low..<high, using: &generator)
  }

  private mutating func logUniform(_ low: Double, _ high: Double) -> Double {
    exp(uniform(log(low), log(high)))
  }

  /// Box and Muller.
  private mutating func normal() -> Double {
    (-2 * log(1 - uniform(0, 1))).squareRoot() * cos(2 * .pi * uniform(0, 1))
  }

  private mutating func poisson(_ mean: Double) -> Int {
    mean < 30
      ? generator.poisson(mean: mean) : max(0, Int((mean + mean.squareRoot() * normal()).rounded()))
  }

  private mutating func binomial(_ count: Int, _ share: Double) -> Int {
    let mean = Double(count) * share
    guard count >= 40 else {
      return (0..<count).reduce(0) { sum, _ in sum + (uniform(0, 1) < share ? 1 : 0) }
    }
    let value =
      mean < 10
      ? Double(generator.poisson(mean: mean)) : mean + (mean * (1 - share)).squareRoot() * normal()
    return min(count, max(0, Int(value.rounded())))
  }
}
