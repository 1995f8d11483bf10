internal import Glibc

/// Which sites the blocks came from whose allocation no window saw, for each call of `free` and chunk size.
///
/// A site whose flow is balanced loses as many blocks as outlive their windows, at the calls where its blocks are freed:
/// pairs within a window and hints say which calls these are. So unknown frees at a call are split in proportion to
/// the survivors expected there. Pairs themselves would not do as proportions: short-lived blocks make most pairs and
/// few unknown frees.
///
/// What a call frees beyond that belongs to sites that were never seen there: long-lived blocks have no pairs, and hints
/// only after a while. It is split by size alone, among what outlived its windows in the same size and is not
/// explained yet. Then nothing grows in a size that is balanced as a whole, unless its sites and calls are told apart.
struct FlowAttribution: Sendable {
  /// A part of the frees of one call.
  struct Share: Hashable, Sendable {
    var site: UInt32
    /// 0 … 1.
    var share: Double
    /// How far `share` may be off, as a standard deviation.
    var deviation: Double
  }

  /// Shares by call and size; they sum to 1 where everything is attributed.
  private(set) var sharesByCall: [SizedPlace: [Share]] = [:]
  /// Frees that were attributed by their size alone, as recorded.
  private(set) var attributedBySize = 0.0
  /// Frees that were attributed to no site, as recorded: blocks from before observation began, mostly.
  private(set) var unattributed = 0.0

  init(_ total: WindowBatch) {
    var classes: [UInt64: SizeClassFlow] = [:]
    for (key, count) in total.survivors {
      classes[key.sizeClass, default: SizeClassFlow()].survivors[key.place] = count
    }
    for (key, count) in total.unknown {
      classes[key.sizeClass, default: SizeClassFlow()].unknown[key.place] = count
    }
    for (key, count) in total.pairs {
      classes[key.sizeClass, default: SizeClassFlow()].pairs[key.freeSite, default: [:]][key.site] =
        count
    }
    for (key, count) in total.hints {
      classes[key.sizeClass, default: SizeClassFlow()].hints[key.freeSite, default: [:]][key.site] =
        count
    }
    for (sizeClass, flow) in classes {
      let result = flow.attributed()
      for (call, shares) in result.shares {
        sharesByCall[SizedPlace(place: call, sizeClass: sizeClass)] = shares
      }
      attributedBySize += result.attributedBySize
      unattributed += result.unattributed
    }
  }
}

/// The blocks of one chunk size that crossed the edges of windows.
private struct SizeClassFlow {
  var survivors: [UInt32: WeightedCount] = [:]
  var unknown: [UInt32: WeightedCount] = [:]
  /// By call, then by site.
  var pairs: [UInt32: [UInt32: Double]] = [:]
  var hints: [UInt32: [UInt32: Double]] = [:]

  /// So many hints count as much as the sizes alone.
  private static let hintsNeeded = 20.0

  struct Result {
    var shares: [UInt32: [FlowAttribution.Share]] = [:]
    var attributedBySize = 0.0
    var unattributed = 0.0
  }

  /// One call's frees on their way to being split.
  private struct Split {
    var shares: [UInt32: FlowAttribution.Share] = [:]
    /// The share that nothing at this call explains.
    var rest = 0.0
  }

  func attributed() -> Result {
    var splits: [UInt32: Split] = [:]
    let expected = expectedFrees()
    var explained: [UInt32: Double] = [:]
    var rest = 0.0
    for (call, frees) in unknown where frees.weighted > 0 {
      let split = split(call, frees, expected[call] ?? [:])
      splits[call] = split
      rest += split.rest * frees.weighted
      for share in split.shares.values {
        explained[share.site, default: 0] += share.share * frees.weighted
      }
    }
    // By size alone, among what is not explained.
    var open: [UInt32: Double] = [:]
    for (site, count) in survivors {
      let left = count.weighted - (explained[site] ?? 0)
      if left > 0 { open[site] = left }
    }
    let openTotal = open.values.reduce(0, +)
    var result = Result()
    for (call, frees) in unknown {
      guard var split = splits[call] else { continue }
      let found = rest > 0 ? split.rest * min(1, openTotal / rest) : 0
      result.attributedBySize += found * frees.sampled
      result.unattributed += (split.rest - found) * frees.sampled
      if found > 0 {
        for (site, left) in open {
          let share = found * left / openTotal
          split.shares[site, default: .init(site: site, share: 0, deviation: 0)].add(
            share, deviation: share)
        }
      }
      result.shares[call] = split.shares.values.sorted { $0.site < $1.site }
    }
    return result
  }

  /// How many of the survivors of each site are freed at each call if as many leave as come: by call, then by site.
  private func expectedFrees() -> [UInt32: [UInt32: Double]] {
    var pairCount: [UInt32: Double] = [:]
    var hintCount: [UInt32: Double] = [:]
    for sites in pairs.values {
      for (site, count) in sites { pairCount[site, default: 0] += count }
    }
    for sites in hints.values {
      for (site, count) in sites { hintCount[site, default: 0] += count }
    }
    var expected: [UInt32: [UInt32: Double]] = [:]
    for call in unknown.keys {
      for site in Set((pairs[call] ?? [:]).keys).union((hints[call] ?? [:]).keys) {
        // All pairs of a site count as one hint.
        let allPairs = pairCount[site] ?? 0
        let paired = allPairs > 0 ? (pairs[call]?[site] ?? 0) / allPairs : 0
        let hinted = hints[call]?[site] ?? 0
        let share = (hinted + paired) / ((hintCount[site] ?? 0) + (allPairs > 0 ? 1 : 0))
        // Half a block more, so that a site without a survivor so far is not ruled out.
        expected[call, default: [:]][site] =
          (max(0, survivors[site]?.weighted ?? 0) + 0.5) * share
      }
    }
    return expected
  }

  private func split(_ call: UInt32, _ frees: WeightedCount, _ expected: [UInt32: Double]) -> Split
  {
    let expectedTotal = expected.values.reduce(0, +)
    let tolerance = 3 * (frees.squares + expectedTotal).squareRoot()
    let excess = max(0, frees.weighted - expectedTotal - tolerance) / frees.weighted
    var split = Split(rest: expectedTotal > 0 ? excess : 1)
    let hinted = hints[call] ?? [:]
    let hintTotal = hinted.values.reduce(0, +)
    let evidence = hintTotal + (pairs[call]?.values.reduce(0, +) ?? 0)
    let byHints = split.rest * hintTotal / (hintTotal + Self.hintsNeeded)
    let byExpectation = 1 - split.rest
    split.rest -= byHints
    for (site, count) in expected {
      let part = count / expectedTotal
      let hintPart = hintTotal > 0 ? (hinted[site] ?? 0) / hintTotal : part
      // The two ways to split disagree where hints are stale, or where survivors are not freed as often as others.
      let trust = hintTotal / (hintTotal + Self.hintsNeeded)
      let disagreement = byExpectation * abs(part - hintPart) * trust
      let chance = byExpectation * (part * (1 - part) / max(1, evidence)).squareRoot()
      split.shares[site] = FlowAttribution.Share(
        site: site, share: byExpectation * part,
        deviation: (disagreement * disagreement + chance * chance).squareRoot())
    }
    for (site, count) in hinted where byHints > 0 {
      let share = byHints * count / hintTotal
      split.shares[site, default: .init(site: site, share: 0, deviation: 0)].add(
        share, deviation: share / hintTotal.squareRoot())
    }
    return split
  }
}

extension FlowAttribution.Share {
  fileprivate mutating func add(_ share: Double, deviation: Double) {
    self.share += share
    self.deviation = (self.deviation * self.deviation + deviation * deviation).squareRoot()
  }
}
