extension TrendJudge {
  /// The first verdict that holds of a site that windows show.
  ///
  /// None is `idle`: that windows saw nothing is no evidence that nothing happened.
  func trend(of estimate: SiteEstimate) -> Trend {
    let flow = estimate.flow
    func trend(_ verdict: Verdict, _ course: Finding.Sampled.Course) -> Trend {
      Trend(verdict, flow.growth, .sampled(Finding.Sampled(estimate, course)))
    }
    guard min(estimate.windowCount, flow.batchCount) >= settings.minimumSamples else {
      return trend(.new, .short(needed: settings.minimumSamples))
    }
    if flow.isGrowing(strictness: strictness) { return trend(.growing, .grew) }
    if flow.isSettling(strictness: strictness) {
      return trend(.settling, .levelled(bytes: flow.earlyNetBytes))
    }
    guard flow.sampledBlocks > 0 else { return trend(.mixed, .unseen) }
    if flow.netBlocks.includesZero, flow.netBytes.includesZero, flow.hasFrees {
      return trend(.steady, .balanced)
    }
    return trend(.mixed, flow.netBytes.high < 0 ? .shrank : .unclear)
  }
}

extension SiteEstimate {
  /// Enough was recorded to call it growing, if that is what it does.
  var isTested: Bool { flow.sampledBlocks >= 5 }
}

extension SiteFlow.Bounds {
  fileprivate var includesZero: Bool { low <= 0 && high >= 0 }
}

extension SiteFlow {
  /// At least half a block that was allocated has been freed.
  fileprivate var hasFrees: Bool { allocatedBlocks - netBlocks.value >= 0.5 }
}
