import Foundation

/// The built `heaptap`, run as its users run it.
package enum HeaptapCommand {
  /// `HEAPTAP_BINARY`, or else `heaptap` beside the test bundle.
  package static let path: String = {
    if let path = ProcessInfo.processInfo.environment["HEAPTAP_BINARY"] { return path }
    let bundle =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: bundle).deletingLastPathComponent().appending(path: "heaptap").path()
  }()

  package static var isBuilt: Bool { access(path, X_OK) == 0 }

  package static func start(
    _ arguments: [String],
    environment: [String: String] = [:]
  ) throws -> RunningProgram {
    try RunningProgram([path] + arguments, environment: environment)
  }

  /// Runs it to its end.
  package static func run(
    _ arguments: [String],
    within limit: Double = 60
  ) async throws -> ProgramResult {
    try await start(arguments).result(within: limit)
  }

  /// Runs a workload under `heaptap run --exact --json` from its first instruction to its end.
  ///
  /// One that is `lingering` stays 300 ms after its work: libraries are named while it is there.
  package static func observe(
    _ workload: String,
    _ arguments: [String] = [],
    options: [String] = [],
    lingering: Bool = false,
    within limit: Double = 60
  ) async throws -> Observation {
    let files = try ScratchDirectory()
    let program = try start(
      ["run", "--exact", "--json", "--top", "1000000", "--output", files.path("reports")]
        + options + ["--", try Workload.path(workload)] + arguments,
      environment: lingering ? ["LINGER_MS": "300"] : [:]
    )
    let result = try await program.result(within: limit)
    return Observation(result: result, reports: try WatchReport.decode(files.text("reports")))
  }
}

/// A workload's own account of a run beside heaptap's.
package struct Observation: Sendable {
  package var result: ProgramResult
  package var reports: [WatchReport]

  package init(result: ProgramResult, reports: [WatchReport]) {
    self.result = result
    self.reports = reports
  }

  package var truth: [String: UInt64] { Workload.truth(in: result.output) }

  /// The state at the end of the command.
  package func last() throws -> WatchReport {
    guard let last = reports.last else {
      throw TestSupportError(
        "no report; status \(String(describing: result.end)): \(result.errors)"
      )
    }
    return last
  }
}
