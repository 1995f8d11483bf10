import AllocationModel
import AllocationProbes
import Inspection
import LinuxSystem
import Processes

/// What is known from looking at heaps themselves, and what is under way.
final class SuspectInspections {
  let inspector: SuspectInspector
  var schedule: InspectionSchedule
  /// The last one of each process.
  var found: [ProcessIdentity: ProcessInspection] = [:]
  /// What is being looked at, with the blocks as they were before.
  var current: (slot: ProcessSlot, blocks: [UInt64: RecordedBlock], elapsed: Double)?
  /// Why processes could not be inspected, the last sentence of each.
  var failures: [ProcessIdentity: String] = [:]

  init?(_ options: Observation.Options.Inspections, of session: ProbeSession) {
    guard
      let inspector = SuspectInspector(maximumPause: options.maximumPause, session: session)
    else { return nil }
    self.inspector = inspector
    var settings = InspectionSchedule.Settings()
    settings.budget = options.budget
    schedule = InspectionSchedule(settings)
  }
}

// MARK: - Inspecting suspects

extension Observation {
  /// Blocks of a process that are followed, at most.
  private static let inspectedBlockLimit = 1_000_000

  /// Each is readable when `takeInspection` should be called.
  package var inspectionDescriptors: [Int32] {
    [inspections?.inspector.descriptor].compactMap { $0 }
  }

  /// Begins to inspect the process that is due, if one is.
  func considerInspection(_ snapshot: Snapshot) {
    guard let inspections, !inspections.inspector.isBusy else { return }
    let running = Set(snapshot.targets.lazy.filter { !$0.hasExited }.map(\.process))
    inspections.schedule.keep(running)
    inspections.found = inspections.found.filter { running.contains($0.key) }
    inspections.failures = inspections.failures.filter { running.contains($0.key) }
    guard let process = inspections.schedule.due(snapshot),
      let slot = slotsByPid[process.pid], let observed = processes[slot],
      observed.identity == process
    else { return }
    let suspects = Set(
      snapshot.sites.lazy.filter {
        $0.process == process && $0.assessment.verdict.isSuspicious
      }.map(\.id))
    if isWindowed {
      guard let sites = budgeted?.flows[slot]?.builder.rememberedBlocks() else { return }
      inspections.current = (slot, [:], elapsed)
      // Some of them were freed since, unseen: to none but those of an allocator that can be read anything applies.
      begin(sites.filter { suspects.contains($0.key) }, of: process, traced: nil)
      return
    }
    let blocks = session.blocks(of: slot, limit: Self.inspectedBlockLimit)
    inspections.current = (slot, blocks, elapsed)
    begin(
      addresses(blocks, of: observed), of: process,
      traced: blocks.count < Self.inspectedBlockLimit
        ? (slot, blocks.map(TracedBlock.init)) : nil)
  }

  private func begin(
    _ blocks: [SiteID: [UInt64]], of process: ProcessIdentity,
    traced: (slot: ProcessSlot, blocks: [TracedBlock])?
  ) {
    inspections?.schedule.begin()
    inspections?.inspector.begin(
      SuspectInspector.Request(process: process, blocks: blocks, traced: traced))
  }

  private func addresses(
    _ blocks: [UInt64: RecordedBlock], of process: ObservedProcess
  ) -> [SiteID: [UInt64]] {
    var result: [SiteID: [UInt64]] = [:]
    for (address, block) in blocks {
      guard let site = process.stacks[block.stack]?.site else { continue }
      result[site, default: []].append(address)
    }
    return result
  }

  /// Takes over what an inspection has found.
  package func takeInspection() {
    guard let inspections, let outcome = inspections.inspector.take() else { return }
    let current = inspections.current
    inspections.current = nil
    switch outcome {
    case .failure(let failure):
      inspections.failures[failure.process] = failure.sentence
      inspections.schedule.fail(failure.process, at: elapsed)
    case .success(let finding):
      inspections.failures[finding.process] = nil
      inspections.schedule.note(finding.process, pause: finding.pause, at: elapsed)
      let after = after(current?.slot, current?.blocks ?? [:])
      inspections.found[finding.process] = ProcessInspection(
        process: finding.process,
        sites: finding.fates.filter { $0.value.blocks > 0 }.mapValues { fate in
          // What nothing references can't be freed either: a block that was freed since is another one's address.
          let lost = fate.unreachable.filter { block in
            current?.blocks[block.address].map { after[block.address] == $0 } ?? true
          }
          return SiteInspection(
            elapsed: current?.elapsed ?? elapsed, blocks: fate.blocks,
            unreachable: HeapLeaks.Total(
              blocks: UInt64(lost.count), bytes: lost.reduce(0) { $0 + $1.byteCount }),
            holder: fate.path.map(Self.holder))
        })
    }
  }

  /// The blocks that there are now, where they were followed before.
  private func after(
    _ slot: ProcessSlot?, _ before: [UInt64: RecordedBlock]
  ) -> [UInt64: RecordedBlock] {
    guard let slot, !before.isEmpty else { return [:] }
    return session.blocks(of: slot, limit: .max)
  }

  /// Such as `app!sessions → std::map<int, Session>`.
  private static func holder(_ path: ReferencePath) -> String {
    let thread = path.root.thread.map { " of thread \($0.name ?? String($0.tid))" } ?? ""
    let type = path.hops.dropLast().lazy.compactMap(\.type).first.map { " → \($0)" } ?? ""
    return path.root.name + thread + type
  }
}

extension ProbeSession {
  /// All blocks that a process has by now, as far as they were seen.
  func tracedBlocks(of process: ProcessSlot) -> [TracedBlock] {
    blocks(of: process, limit: .max).map(TracedBlock.init)
  }
}

extension TracedBlock {
  fileprivate init(_ address: UInt64, _ block: RecordedBlock) {
    self.init(address: address, byteCount: block.byteCount, born: block.born)
  }
}
