import AllocationModel
import Glibc
import TestSupport

/// A program with Poisson allocations and exponential lifetimes, observed at equal intervals.
struct Simulation {
  /// Blocks per second.
  var rate: Double
  /// Seconds.
  var meanLifetime: Double
  /// The share of blocks that are never freed.
  var leakedShare = 0.0
  var blockSize: UInt64 = 100
  var duration = 600.0
  var sampleCount = 60

  /// The counters at the start and after each interval.
  ///
  /// It starts in equilibrium: blocks that were allocated before are counted, and freed in time.
  func counters(using generator: inout SeededGenerator) -> [AllocationCounters] {
    var born = [Int](repeating: 0, count: sampleCount + 1)
    var died = [Int](repeating: 0, count: sampleCount + 1)
    let interval = duration / Double(sampleCount)
    func slot(_ time: Double) -> Int { min(sampleCount, Int(time / interval) + 1) }

    // Enough blocks from before, of which those that die meanwhile arrive as a Poisson stream of
    // their own.
    born[0] = 100_000
    let equilibrium = rate * (1 - leakedShare) * meanLifetime
    for slot in 1...sampleCount {
      let survival = exp(-Double(slot - 1) * interval / meanLifetime)
      let dying = survival * (1 - exp(-interval / meanLifetime))
      died[slot] = generator.poisson(mean: equilibrium * dying)
    }
    var time = generator.exponential(mean: 1 / rate)
    while time < duration {
      born[slot(time)] += 1
      let isLeaked = Double.random(in: 0..<1, using: &generator) < leakedShare
      let death = time + generator.exponential(mean: meanLifetime)
      if !isLeaked, death < duration { died[slot(death)] += 1 }
      time += generator.exponential(mean: 1 / rate)
    }
    return Self.accumulate(born: born, died: died, blockSize: blockSize)
  }

  /// The running counters of births and deaths per interval.
  static func accumulate(born: [Int], died: [Int], blockSize: UInt64) -> [AllocationCounters] {
    var counters = AllocationCounters()
    return zip(born, died).map { born, died in
      counters += AllocationCounters(
        allocatedBytes: UInt64(born) * blockSize,
        allocatedBlocks: UInt64(born),
        freedBytes: UInt64(died) * blockSize,
        freedBlocks: UInt64(died)
      )
      return counters
    }
  }
}

/// The process that the readings of these tests belong to.
let process = ProcessIdentity(pid: 42, startTicks: 1000)

func counters(
  allocated: UInt64,
  freed: UInt64 = 0,
  size: UInt64 = 100
) -> AllocationCounters {
  AllocationCounters(
    allocatedBytes: allocated * size,
    allocatedBlocks: allocated,
    freedBytes: freed * size,
    freedBlocks: freed
  )
}

func site(
  _ counters: AllocationCounters,
  id: UInt64 = 1,
  in process: ProcessIdentity = process,
  oldest: Double? = nil
) -> SiteReading {
  SiteReading(
    id: SiteID(rawValue: id),
    process: process,
    stack: [Frame(function: "f\(id)", module: "app", offset: id)],
    counters: counters,
    oldest: oldest
  )
}

func target(_ process: ProcessIdentity = process, hasExited: Bool = false) -> TargetSnapshot {
  TargetSnapshot(
    pid: process.pid,
    startTicks: process.startTicks,
    name: "app",
    counters: AllocationCounters(),
    residentBytes: 1 << 20,
    hasExited: hasExited
  )
}

func reading(
  at elapsed: Double,
  _ sites: [SiteReading],
  targets: [TargetSnapshot] = [target()]
) -> Reading {
  Reading(
    unixNanoseconds: Int64(elapsed * 1e9),
    elapsed: elapsed,
    targets: targets,
    sites: sites
  )
}

/// The last snapshot of one site whose counters were read every `interval` seconds.
func lastSite(
  _ history: [AllocationCounters],
  interval: Double = 10,
  oldest: Double? = nil
) -> SiteSnapshot? {
  var builder = SnapshotBuilder()
  var snapshot: Snapshot?
  for (index, counters) in history.enumerated() {
    snapshot = builder.fold(
      reading(at: Double(index) * interval, [site(counters, oldest: oldest)])
    )
  }
  return snapshot?.sites.first
}
