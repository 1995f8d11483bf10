import Foundation

/// One line of `heaptap watch --json`.
package struct WatchReport: Decodable, Sendable {
  package struct Target: Decodable, Sendable {
    package var pid: Int32
    package var name: String
    package var mode: String
    @Count package var allocatedBlocks: UInt64
    @Count package var allocatedBytes: UInt64
    @Count package var freedBlocks: UInt64
    @Count package var freedBytes: UInt64
    @Count package var liveBlocks: UInt64
    @Count package var liveBytes: UInt64
    @Count package var inheritedFrees: UInt64
    @Count package var unknownFrees: UInt64
    @Count package var failedAllocations: UInt64
    package var exited: Bool
    package var fromStart: Bool
    package var obstacle: String?
    package var windows: Windows?
    package var costShare: Double?

    package var figures: Figures {
      Figures(
        allocatedBlocks: allocatedBlocks,
        allocatedBytes: allocatedBytes,
        freedBlocks: freedBlocks,
        freedBytes: freedBytes,
        liveBlocks: liveBlocks,
        liveBytes: liveBytes
      )
    }
  }

  package struct Site: Decodable, Sendable {
    package var id: String
    package var pid: Int32
    package var verdict: String
    package var allocatedBlocks: UInt64
    package var allocatedBytes: UInt64
    package var freedBlocks: UInt64
    package var freedBytes: UInt64
    package var liveBlocks: UInt64
    package var liveBytes: UInt64
    package var stack: [Frame]
    package var growthBytesPerS: Double
    package var growthLow: Double
    package var growthHigh: Double
    /// The stack does not reach the first frame of its thread.
    package var truncated: Bool
    /// Windows gave the figures; the fields that follow are there only then.
    package var estimated: Bool?
    package var sampledBlocks: UInt64?
    package var windowCount: Int?
    package var netBlocks: Double?
    package var netBlocksLow: Double?
    package var netBlocksHigh: Double?
    /// The heap was looked at; the fields that follow are there only then.
    package var inspectedBlocks: UInt64?
    package var unreachableBlocks: UInt64?
    package var heldBy: String?

    package var functions: [String] { stack.map { $0.function ?? "?" } }

    package var figures: Figures {
      Figures(
        allocatedBlocks: allocatedBlocks,
        allocatedBytes: allocatedBytes,
        freedBlocks: freedBlocks,
        freedBytes: freedBytes,
        liveBlocks: liveBlocks,
        liveBytes: liveBytes
      )
    }
  }

  package struct Windows: Decodable, Sendable {
    package var count: Int
    package var failed: Int
    package var failure: String?
    package var openShare: Double
    package var costShare: Double
    package var budget: Double
  }

  package struct Frame: Decodable, Sendable {
    package var function: String?
    package var module: String?
    package var offset: String
    package var file: String?
    package var line: Int?
    package var inlined: Bool
  }

  package struct Lost: Decodable, Sendable {
    package var total: UInt64
    package var byReason: [String: UInt64]
  }

  package var schema: String
  package var targets: [Target]
  package var sites: [Site]
  package var mappings: [Site]
  package var lost: Lost

  package static func decode(_ lines: String) throws -> [WatchReport] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    // A line still being written has no end yet.
    return try lines.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map { try decoder.decode(WatchReport.self, from: Data($0.utf8)) }
  }
}

/// A counter; that of a process that is only looked at from outside is null, and 0 here.
@propertyWrapper
package struct Count: Decodable, Sendable {
  package var wrappedValue: UInt64

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? 0 : try container.decode(UInt64.self)
  }
}

/// Six counters that a workload tells of itself and heaptap of the workload.
package struct Figures: Hashable, Sendable, CustomStringConvertible {
  package var allocatedBlocks: UInt64 = 0
  package var allocatedBytes: UInt64 = 0
  package var freedBlocks: UInt64 = 0
  package var freedBytes: UInt64 = 0
  package var liveBlocks: UInt64 = 0
  package var liveBytes: UInt64 = 0

  package init(
    allocatedBlocks: UInt64 = 0,
    allocatedBytes: UInt64 = 0,
    freedBlocks: UInt64 = 0,
    freedBytes: UInt64 = 0,
    liveBlocks: UInt64 = 0,
    liveBytes: UInt64 = 0
  ) {
    self.allocatedBlocks = allocatedBlocks
    self.allocatedBytes = allocatedBytes
    self.freedBlocks = freedBlocks
    self.freedBytes = freedBytes
    self.liveBlocks = liveBlocks
    self.liveBytes = liveBytes
  }

  /// As told by a workload.
  package init?(truth: [String: UInt64]) {
    guard
      let allocatedBlocks = truth["allocated_blocks"],
      let allocatedBytes = truth["allocated_bytes"],
      let freedBlocks = truth["freed_blocks"], let freedBytes = truth["freed_bytes"],
      let liveBlocks = truth["live_blocks"], let liveBytes = truth["live_bytes"]
    else { return nil }
    self.init(
      allocatedBlocks: allocatedBlocks,
      allocatedBytes: allocatedBytes,
      freedBlocks: freedBlocks,
      freedBytes: freedBytes,
      liveBlocks: liveBlocks,
      liveBytes: liveBytes
    )
  }

  /// The sum of some sites.
  package init(_ sites: [WatchReport.Site]) {
    self.init()
    for site in sites.map(\.figures) {
      allocatedBlocks += site.allocatedBlocks
      allocatedBytes += site.allocatedBytes
      freedBlocks += site.freedBlocks
      freedBytes += site.freedBytes
      liveBlocks += site.liveBlocks
      liveBytes += site.liveBytes
    }
  }

  package var description: String {
    """
    allocated \(allocatedBlocks) blocks, \(allocatedBytes) bytes; \
    freed \(freedBlocks), \(freedBytes); live \(liveBlocks), \(liveBytes)
    """
  }
}
