import AllocationModel
import ArgumentParser

/// What `run` does about memory that its command leaves behind.
struct LeakOptions: ParsableArguments {
  @Flag(
    help: """
      Report what nothing references any more when the command ends, and end with status 1 if there \
      is any and the command itself succeeded. A debugger can't attach to the command then.
      """)
  var failOnLeak = false

  @Option(
    help: ArgumentHelp(
      """
      Which blocks are leaks: definite, indirect, possible, reachable, or all of these, which is \
      whatever was never freed.
      """, valueName: "kinds"))
  var leakKinds = LeakKinds.standard

  @OptionGroup var suppression: SuppressionOptions

  @Option(help: ArgumentHelp("Leaked bytes that are no reason to fail.", valueName: "bytes"))
  var leakLimit: UInt64 = 0

  func validate() throws {
    let isPlain =
      suppression.suppressions == nil && leakLimit == 0 && leakKinds == .standard
    guard failOnLeak || isPlain else {
      throw ValidationError(
        "--suppressions, --leak-limit and --leak-kinds need --fail-on-leak")
    }
  }

  /// Whether references have to be looked for; where everything counts they need not.
  var needsHeap: Bool { failOnLeak && leakKinds.kinds.count < LeakKindName.allCases.count }
}

/// Kinds of leaks, separated by commas.
struct LeakKinds: Equatable, ExpressibleByArgument {
  var kinds: Set<LeakKindName>

  static let standard = LeakKinds(kinds: LeakKindName.lost)

  init(kinds: Set<LeakKindName>) { self.kinds = kinds }

  init?(argument: String) {
    guard let kinds = LeakKindName.set(parsing: argument) else { return nil }
    self.init(kinds: kinds)
  }

  var defaultValueDescription: String {
    LeakKindName.allCases.filter(kinds.contains).map(\.rawValue).joined(separator: ",")
  }
}
