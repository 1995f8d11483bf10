package import BPFRuntime
import ProbeABI

/// Passes each kernel program through the verifier, in every form in which it is used.
package enum ProgramVerification {
  /// A program that was tried.
  package struct Outcome: Sendable {
    package var name: String
    package var instructions: Int
    /// Nil: it loads.
    package var failure: BPFError?
  }

  /// Loads every program alone, with small tables.
  package static func all() -> [Outcome] {
    let attachTypes: [(program: String, kind: UprobeLinkKind)] = [
      ("allocation_call", .session), ("allocation_entry", .multi), ("allocation_return", .multi),
      ("allocation_entry", .perf), ("allocation_return", .perf), ("window_call", .session),
      ("window_entry", .multi), ("window_return", .multi), ("empty_session", .session),
      ("empty", .multi),
    ]
    var outcomes = attachTypes.map { program, kind in
      verify(program, as: kind, in: source(of: program))
    }
    for program in ["process_exec", "process_fork", "process_exit", "read_ticks"] {
      outcomes.append(verify(program, as: nil, in: lifecycle))
    }
    return outcomes
  }

  private static func source(of program: String) -> Source {
    if program.hasPrefix("empty") { return calibration }
    return program.hasPrefix("window") ? windows : allocations
  }

  private typealias Source = (name: String, object: embedded_object)
  private static var allocations: Source { ("allocations", embedded_allocations()) }
  private static var windows: Source { ("windows", embedded_windows()) }
  private static var lifecycle: Source { ("lifecycle", embedded_lifecycle()) }
  private static var calibration: Source { ("calibration", embedded_calibration()) }

  private static func verify(_ program: String, as kind: UprobeLinkKind?, in source: Source)
    -> Outcome
  {
    var outcome = Outcome(
      name: kind.map { "\(program)/\($0.rawValue)" } ?? program, instructions: 0, failure: nil)
    do throws(BPFError) {
      let object = try BPFObject(
        name: source.name,
        bytes: UnsafeRawBufferPointer(start: source.object.start, count: source.object.size))
      if source.name != "calibration" {
        try ProbeSession.configure(object, ProbeSettings(maximumBlocks: 1000, maximumStacks: 64))
      }
      for (name, instructions) in object.programs {
        if name == program { outcome.instructions = instructions } else { object.omitProgram(name) }
      }
      if let kind {
        object.setProgramType(program, to: .uprobe(expectedAttachType: kind.expectedAttachType))
      }
      try object.load()
    } catch {
      outcome.failure = error
    }
    return outcome
  }
}
