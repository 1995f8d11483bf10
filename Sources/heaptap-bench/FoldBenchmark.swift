import AllocationModel
import Glibc

/// `heaptap-bench fold [SITES] [PROCESSES]`: what folding a reading into a snapshot costs, without any target.
struct FoldBenchmark {
  var siteCount = 100_000
  var processCount = 500
  private static let folds = 40

  /// Milliseconds of CPU time of each fold when `share` of the sites have changed since the one before.
  private func milliseconds(share: Double) -> [Double] {
    var builder = SnapshotBuilder()
    var sites = (0..<siteCount).map { index in
      SiteReading(
        id: SiteID(rawValue: UInt64(index) &* 0x9e37_79b9_7f4a_7c15),
        process: ProcessIdentity(pid: Int32(100 + index % processCount), startTicks: 7),
        stack: (0..<12).map {
          Frame(module: "libexample.so", offset: UInt64(index * 16 + $0))
        },
        counters: AllocationCounters(), oldest: 10)
    }
    let targets = (0..<processCount).map { index in
      TargetSnapshot(
        pid: Int32(100 + index), startTicks: 7, name: "worker", residentAnonymousBytes: 1 << 20)
    }
    let step = max(1, Int(1 / share))
    var times: [Double] = []
    for fold in 0..<Self.folds {
      for index in stride(from: fold % step, to: sites.count, by: step) {
        let born = UInt64(1 + index % 9)
        sites[index].counters += AllocationCounters(
          allocatedBytes: born * 48, allocatedBlocks: born,
          freedBytes: (born - UInt64(index % 3 / 2)) * 48,
          freedBlocks: born - UInt64(index % 3 / 2))
      }
      let reading = Reading(
        unixNanoseconds: 0, elapsed: Double(fold) * 2, targets: targets, sites: sites)
      let start = Self.processorSeconds
      let snapshot = builder.fold(reading)
      times.append((Self.processorSeconds - start) * 1000)
      precondition(snapshot.sites.count == siteCount)
    }
    return times
  }

  var text: String {
    var lines = ["folding \(siteCount) sites of \(processCount) processes, ms of CPU time:"]
    for (title, share) in [("1 % changed", 0.01), ("all changed", 1)] {
      let times = milliseconds(share: share)
      let late = times.dropFirst(Self.folds / 2).sorted()
      lines.append(
        "  \(title): median \(Int(late[late.count / 2].rounded())), "
          + "most \(Int((late.last ?? 0).rounded())), the first \(Int(times[0].rounded()))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
