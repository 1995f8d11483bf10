import AllocationModel

/// A server with a leak, a filled cache and a long C++ name, and a process that has exited.
let sampleSnapshot = Snapshot(
  unixNanoseconds: 1_772_366_400_250_000_000,
  elapsed: 482,
  targets: [
    TargetSnapshot(
      pid: 4711,
      name: "session-server",
      counters: AllocationCounters(
        allocatedBytes: 93_500_000,
        allocatedBlocks: 24_860,
        freedBytes: 49_900_000,
        freedBlocks: 11_630
      ),
      inheritedFrees: 3,
      unknownFrees: 1_204,
      failedAllocations: 1,
      residentBytes: 130_023_424,
      residentAnonymousBytes: 120_000_000,
      residentAnonymousBytesAtStart: 73_400_320
    ),
    TargetSnapshot(
      pid: 4720,
      name: "migrate",
      counters: AllocationCounters(
        allocatedBytes: 1_048_576,
        allocatedBlocks: 64,
        freedBytes: 1_046_528,
        freedBlocks: 63
      ),
      isFromStart: true,
      hasExited: true
    ),
  ],
  sites: [
    SiteSnapshot(
      id: SiteID(rawValue: 0x1f2e_3d4c_5b6a_7988),
      pid: 4711,
      stack: sampleStack,
      counters: AllocationCounters(
        allocatedBytes: 20_365_312,
        allocatedBlocks: 12_430,
        freedBytes: 0,
        freedBlocks: 0
      ),
      peakBytes: 20_365_312,
      growth: GrowthRate(bytesPerSecond: 41_984, low: 40_100, high: 43_800),
      oldest: 481,
      assessment: Assessment(
        verdict: .growing,
        reason: "grew 41 KiB/s for 8 min, 0 of 12,430 blocks freed"
      )
    ),
    SiteSnapshot(
      id: SiteID(rawValue: 0xabc),
      pid: 4711,
      stack: [
        Frame(
          function: "std::_Hashtable<std::string, std::pair<const std::string, Session>, "
            + "std::allocator<std::pair<const std::string, Session>>>::_M_insert_unique_node",
          module: "session-server",
          offset: 0x11c0,
          file: "/usr/include/c++/14/bits/hashtable.h",
          line: 2120,
          isInlined: true
        ),
        Frame(function: "main", module: "session-server", offset: 0x118c),
        Frame(module: "libc.so.6", offset: 0x27249),
        Frame(offset: 0x7f00_1234_5678),
      ],
      ending: .noRule,
      counters: AllocationCounters(
        allocatedBytes: 73_134_688,
        allocatedBlocks: 12_430,
        freedBytes: 49_900_000,
        freedBlocks: 11_630
      ),
      peakBytes: 31_000_000,
      lifetimes: Lifetimes(median: 0.4, percentile90: 30),
      growth: GrowthRate(bytesPerSecond: -12, low: -900, high: 876),
      oldest: 7300,
      assessment: Assessment(
        verdict: .settling,
        reason: "grew 166 KiB, then 2,400 blocks allocated and 2,400 freed in the last 4 min"
      )
    ),
    SiteSnapshot(
      id: SiteID(rawValue: 7),
      pid: 4720,
      stack: [],
      counters: AllocationCounters(
        allocatedBytes: 1_048_576,
        allocatedBlocks: 64,
        freedBytes: 1_046_528,
        freedBlocks: 63
      ),
      assessment: Assessment(
        verdict: .new,
        reason: "seen for 3.0 s in 4 of the 5 samples a verdict needs"
      )
    ),
  ],
  mappings: [
    SiteSnapshot(
      id: SiteID(rawValue: 9),
      pid: 4711,
      stack: [sampleStack[5], sampleStack[6]],
      counters: AllocationCounters(
        allocatedBytes: 67_108_864,
        allocatedBlocks: 1,
        freedBytes: 0,
        freedBlocks: 0
      ),
      oldest: 300,
      assessment: Assessment(
        verdict: .idle,
        reason: "1 block held, no allocation or free for 5 min"
      )
    )
  ],
  lost: LossCounts(byReason: [.skippedReturn: 2, .blockTableFull: 12_000])
)

private let sampleStack =
  [
    Frame(
      function: "leaky",
      module: "session-server",
      buildID: "c0ffee",
      offset: 0x118c,
      file: "session.c",
      line: 5
    ),
    Frame(function: "handle_request", module: "session-server", offset: 0x2240),
  ]
  + (0..<9).map { index in
    Frame(function: "loop_\(index)", module: "libevent-2.1.so.7", offset: 0x9000 + UInt64(index))
  }
