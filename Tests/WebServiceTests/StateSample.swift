import AllocationModel
import WebService

let sampleHost = HostIdentity(name: "host", kernel: "6.1.0 x86_64", heaptapVersion: "0.1.0")

/// A state that knows one leaking process since a second.
func sampleState(siteLimit: Int = 2, published: UInt64? = 1_000_000_000) -> PublishedState {
  let state = PublishedState(
    PublishedState.Constants(
      host: sampleHost, siteLimit: siteLimit, interval: 2,
      startNanoseconds: 1_772_366_400_250_000_000))
  guard let published else { return state }
  let sites = (0..<3).map { index in
    SiteSnapshot(
      id: SiteID(rawValue: UInt64(index)), pid: 4711,
      stack: [Frame(function: "leak<\"\(index)\">", module: "app", offset: 1)],
      counters: AllocationCounters(allocatedBytes: 100, allocatedBlocks: 4),
      growth: GrowthRate(bytesPerSecond: 2.5, low: 1, high: 3),
      assessment: Assessment(verdict: .growing, reason: "grew"))
  }
  state.publish(
    Snapshot(
      unixNanoseconds: 1_772_366_400_250_000_000, elapsed: 4,
      targets: [
        TargetSnapshot(
          pid: 4711, name: "app",
          counters: AllocationCounters(
            allocatedBytes: 1000, allocatedBlocks: 10, freedBytes: 300, freedBlocks: 3),
          residentBytes: 8192, residentAnonymousBytes: 4096)
      ], sites: sites, lost: LossCounts(byReason: [.nesting: 3])),
    pollDuration: 0.025, attachedFiles: ["/lib/libc.so.6"],
    failedWrites: ["history": 0, "summary": 2],
    now: published)
  return state
}
