/// Turns readings into snapshots: merges, remembers, judges and ranks.
///
/// Pure: time enters only through the readings, and equal readings give equal snapshots.
package struct SnapshotBuilder: Sendable {
  /// What the builder remembers and how it judges.
  package struct Settings: Hashable, Sendable {
    /// Seconds of the past that growth is computed over, > 0.
    package var horizon: Double
    /// Samples kept per site, ≥ 8; more are merged, the coarser the longer ago.
    package var sampleLimit: Int
    /// Readings of a site before it gets a verdict other than `new`, ≥ 3.
    package var minimumSamples: Int
    /// Seconds after a site was first seen that are left out of its growth, at most; always at most
    /// a fifth of the time it has been seen.
    package var warmUpLimit: Double
    /// Exited processes whose last figures are kept; the first to exit is forgotten first.
    package var exitedProcessLimit: Int
    package var order: SnapshotOrder

    /// Seconds of the past that slow leaks and rare falls are looked for in.
    var memory: Double { 36 * horizon }

    package init(
      horizon: Double = 600,
      sampleLimit: Int = 32,
      minimumSamples: Int = 5,
      warmUpLimit: Double = 30,
      exitedProcessLimit: Int = 256,
      order: SnapshotOrder = .growth
    ) {
      self.horizon = horizon
      self.sampleLimit = max(8, sampleLimit)
      self.minimumSamples = max(3, minimumSamples)
      self.warmUpLimit = warmUpLimit
      self.exitedProcessLimit = exitedProcessLimit
      self.order = order
    }
  }

  private let settings: Settings
  private var heap = SiteLedger()
  private var mappings = SiteLedger()
  private var targets = TargetLedger()

  package init(settings: Settings = Settings()) {
    self.settings = settings
  }

  /// Adds one reading and returns what is known now, ranked by `Settings.order`.
  package mutating func fold(_ reading: Reading) -> Snapshot {
    let targets = self.targets.fold(
      reading.targets,
      at: reading.elapsed,
      horizon: settings.horizon,
      endedLimit: settings.exitedProcessLimit
    )
    let snapshot = Snapshot(
      unixNanoseconds: reading.unixNanoseconds,
      elapsed: reading.elapsed,
      targets: targets.current,
      sites: heap.fold(
        reading.sites, at: reading.elapsed, targets: targets, settings: settings),
      mappings: mappings.fold(
        reading.mappings, at: reading.elapsed, targets: targets, settings: settings),
      lost: reading.lost
    )
    return snapshot
  }

  /// How many rows, sites and places are held: what must not grow with processes that come and go.
  package var heldCount: Int { heap.heldCount + mappings.heldCount + targets.heldCount }
}
