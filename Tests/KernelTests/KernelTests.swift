import Foundation
import TestSupport
import Testing

/// Tests of the built command against real processes: one at a time, since they count probes,
/// processes and files of the machine.
@Suite(
  .serialized,
  .enabled(if: geteuid() == 0, "these tests attach probes to processes, which needs root"),
  // Emulated processors take ten times as long as others.
  .timeLimit(.minutes(15))
)
struct KernelTests {}

/// Ends a watch that goes on, and returns all its reports.
func reports(of heaptap: borrowing RunningProgram) async throws -> [WatchReport] {
  heaptap.signal(SIGTERM)
  let result = try await heaptap.result(within: 30)
  #expect(result.end == .status(0), "\(result.errors)")
  return try WatchReport.decode(result.output)
}

/// A workload's own figures are heaptap's, and nothing was lost.
func expectOwnFigures(
  _ workload: String,
  _ arguments: [String] = [],
  options: [String] = [],
  at location: SourceLocation = #_sourceLocation
) async throws {
  let observed = try await HeaptapCommand.observe(workload, arguments, options: options)
  #expect(observed.result.end == .status(0), "\(observed.result.errors)", sourceLocation: location)
  let last = try observed.last()
  let target = try #require(last.targets.first, sourceLocation: location)
  #expect(target.figures == Figures(truth: observed.truth), sourceLocation: location)
  #expect(
    target.failedAllocations == observed.truth["failed_allocations"],
    sourceLocation: location
  )
  #expect(target.unknownFrees == 0, sourceLocation: location)
  #expect(target.fromStart, sourceLocation: location)
  #expect(target.exited, sourceLocation: location)
  #expect(last.lost.byReason == [:], sourceLocation: location)
  #expect(Figures(last.sites) == target.figures, "sites add up", sourceLocation: location)
}

/// The same of what the workload's own functions called: other libraries allocate in its threads.
func expectOwnSites(
  _ workload: String,
  _ arguments: [String] = [],
  options: [String] = [],
  at location: SourceLocation = #_sourceLocation
) async throws {
  let observed = try await HeaptapCommand.observe(workload, arguments, options: options)
  #expect(observed.result.end == .status(0), "\(observed.result.errors)", sourceLocation: location)
  let last = try observed.last()
  let own = last.sites.filter { $0.stack.first?.module == workload }
  #expect(Figures(own) == Figures(truth: observed.truth), sourceLocation: location)
  #expect(last.lost.byReason == [:], sourceLocation: location)
}
