/// What stands behind the figures of a site that windows gave.
///
/// Its counters are estimates, too: blocks and bytes allocated over the horizon, and as many of them freed as the net
/// flow says. What was live before is not known.
package struct SiteEstimate: Hashable, Sendable {
  /// Apart from the site, since most sites have none and all of them are copied at each poll.
  private indirect enum Figures: Hashable, Sendable {
    case of(SiteFlow, elapsed: Double, windowCount: Int)
  }

  private var figures: Figures

  package init(flow: SiteFlow, elapsed: Double, windowCount: Int) {
    figures = .of(flow, elapsed: elapsed, windowCount: windowCount)
  }

  package var flow: SiteFlow {
    get {
      switch figures {
      case .of(let flow, _, _): flow
      }
    }
    set { figures = .of(newValue, elapsed: elapsed, windowCount: windowCount) }
  }

  /// Seconds of real time that the flow covers, > 0.
  package var elapsed: Double {
    get {
      switch figures {
      case .of(_, let elapsed, _): elapsed
      }
    }
    set { figures = .of(flow, elapsed: newValue, windowCount: windowCount) }
  }

  /// Windows in that time.
  package var windowCount: Int {
    get {
      switch figures {
      case .of(_, _, let count): count
      }
    }
    set { figures = .of(flow, elapsed: elapsed, windowCount: newValue) }
  }

  /// The counters of a reading: what was allocated, and freed of it what is not in the net flow.
  package var counters: AllocationCounters {
    func count(_ value: Double) -> UInt64 { value > 0 ? UInt64(min(value, 1e18).rounded()) : 0 }
    let flow = flow
    return AllocationCounters(
      allocatedBytes: count(flow.allocatedBytes), allocatedBlocks: count(flow.allocatedBlocks),
      freedBytes: count(flow.allocatedBytes - max(0, flow.netBytes.value)),
      freedBlocks: count(flow.allocatedBlocks - max(0, flow.netBlocks.value)))
  }
}
