/// What stands behind the figures of a site that windows gave.
///
/// Its counters are estimates, too: blocks and bytes allocated over the horizon, and as many of them freed as the net
/// flow says. What was live before is not known.
package struct SiteEstimate: Hashable, Sendable {
  package var flow: SiteFlow
  /// Seconds of real time that the flow covers, > 0.
  package var elapsed: Double
  /// Windows in that time.
  package var windowCount: Int

  package init(flow: SiteFlow, elapsed: Double, windowCount: Int) {
    self.flow = flow
    self.elapsed = elapsed
    self.windowCount = windowCount
  }

  /// The counters of a reading: what was allocated, and freed of it what is not in the net flow.
  package var counters: AllocationCounters {
    func count(_ value: Double) -> UInt64 { UInt64(max(0, min(value, 1e18)).rounded()) }
    return AllocationCounters(
      allocatedBytes: count(flow.allocatedBytes), allocatedBlocks: count(flow.allocatedBlocks),
      freedBytes: count(flow.allocatedBytes - max(0, flow.netBytes.value)),
      freedBlocks: count(flow.allocatedBlocks - max(0, flow.netBlocks.value)))
  }
}
