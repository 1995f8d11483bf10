package import AllocationModel
import AllocationProbes
package import Inspection

// MARK: - The join of lost blocks with what has allocated them

extension Observation {
  /// What tracing knows of the live blocks of a process, by address, as it runs or when it has just ended.
  package func blockOrigins(ofPid pid: Int32) -> [UInt64: BlockOrigin] {
    guard let slot = slotsByPid[pid], let process = processes[slot] else { return [:] }
    // A stack whose frames have not arrived counts as one without frames, as in snapshots.
    return session.blocks(of: slot, limit: .max).mapValues { block in
      BlockOrigin(
        site: process.stacks[block.stack]?.site ?? SiteID(rawValue: 0),
        requestedByteCount: block.byteCount)
    }
  }

  /// All blocks of a process that are recorded now.
  package func tracedBlocks(ofPid pid: Int32) -> [TracedBlock] {
    slotsByPid[pid].map { session.tracedBlocks(of: $0) } ?? []
  }

  /// Fills in the stacks of leaks with all their names.
  package func fillStacks(of leaks: inout HeapLeaks) {
    guard let process = slotsByPid[leaks.pid].flatMap({ processes[$0] }) else { return }
    var endings: [SiteID: StackEnding] = [:]
    for stack in process.stacks.values { endings[stack.site] = stack.ending }
    let sites = leaks.sites.sorted()
    let named = sources.stacks(of: sites, isLast: true, stacks)
    leaks.fill(
      Dictionary(
        uniqueKeysWithValues: zip(sites, named).map { site, stack in
          (
            site,
            LeakOrigin(site: site, stack: stack ?? [], ending: endings[site] ?? .notReceived)
          )
        }))
  }

  /// What a command that has ended has left behind: what its heap shows, and of blocks that are not in a heap that can be
  /// read, and of other processes, what was never freed.
  ///
  /// - Parameter last: the last snapshot, with all sites named.
  package func lossReport(
    _ losses: HeapLosses, last: Snapshot, kinds: Set<LeakKindName>, suppressions: SuppressionList,
    limit: UInt64
  ) -> LossReport {
    let origins = blockOrigins(ofPid: losses.pid)
    var leaks = losses.leaks(remainders: kinds.subtracting(LeakKindName.lost)) { origins[$0] }
    fillStacks(of: &leaks)
    leaks.suppress(suppressions)
    var unseen: [SiteID: AllocationCounters] = [:]
    for (address, origin) in origins where !losses.hasBlock(at: address) {
      unseen[origin.site, default: AllocationCounters()] += AllocationCounters(
        allocatedBytes: origin.requestedByteCount, allocatedBlocks: 1, freedBytes: 0,
        freedBlocks: 0)
    }
    var rest = last
    rest.sites = last.sites.compactMap { site in
      guard site.pid == losses.pid else { return site }
      guard let counters = unseen[site.id] else { return nil }
      var site = site
      site.counters = counters
      return site
    }
    return LossReport(
      leaks, kinds: kinds, limit: limit,
      unclear: LeakReport(rest, suppressions: suppressions))
  }
}
