/// What became of the blocks of a site, as an inspection of the heap shows it.
package struct SiteInspection: Hashable, Sendable {
  /// When the process stood still, in seconds since observation began.
  package var elapsed: Double
  /// Live blocks of the site that were looked at.
  package var blocks: UInt64
  /// Those of them that nothing references any more; usable bytes.
  package var unreachable: HeapLeaks.Total
  /// What holds the others, most of them: `app!registry → std::map`; nil where it is not known.
  package var holder: String?

  package init(
    elapsed: Double, blocks: UInt64, unreachable: HeapLeaks.Total = HeapLeaks.Total(),
    holder: String? = nil
  ) {
    self.elapsed = elapsed
    self.blocks = blocks
    self.unreachable = unreachable
    self.holder = holder
  }

  /// Enough of its blocks are lost to conclude something: a single one may be on its way from one place to another, and
  /// a few among many may be kept in a form that is not understood.
  package var isUnreachable: Bool {
    unreachable.blocks >= 2 && 10 * unreachable.blocks >= blocks
  }
}

/// What one inspection found, by site.
package struct ProcessInspection: Hashable, Sendable {
  package var process: ProcessIdentity
  package var sites: [SiteID: SiteInspection]

  package init(process: ProcessIdentity, sites: [SiteID: SiteInspection]) {
    self.process = process
    self.sites = sites
  }
}

extension Snapshot {
  /// Adds what the last inspection of each process found, which is stronger evidence than any flow, and ranks anew.
  package mutating func add(
    _ inspections: [ProcessIdentity: ProcessInspection], order: SnapshotOrder
  ) {
    var isChanged = false
    for index in sites.indices {
      guard let inspection = inspections[sites[index].process]?.sites[sites[index].id] else {
        continue
      }
      sites[index].inspection = inspection
      sites[index].assessment.add(inspection)
      isChanged = true
    }
    if isChanged { sites = order.ranked(sites) }
  }
}

extension Assessment {
  fileprivate mutating func add(_ inspection: SiteInspection) {
    if inspection.isUnreachable {
      finding = .unreachable(inspection, verdict == .growing ? finding.growthSentence : nil)
      verdict = .unreachable
    } else if verdict == .growing, let holder = inspection.holder {
      finding = .anchored(finding.sentence, by: holder)
    }
  }
}

extension Finding {
  /// That it grew, and how fast.
  fileprivate var growthSentence: String? {
    sentence.split(separator: ",", maxSplits: 1).first.map(String.init)
  }
}
