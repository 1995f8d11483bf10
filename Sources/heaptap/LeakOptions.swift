import AllocationModel
import ArgumentParser
import Monitoring
import Processes

/// What `run` does about memory that its command never frees.
struct LeakOptions: ParsableArguments {
  @Flag(
    help: """
      Report what the command allocated and never freed, and end with status 1 if there is any and \
      the command itself succeeded. Memory that is still referenced at the end counts as not freed.
      """)
  var failOnLeak = false

  @Option(
    help: ArgumentHelp(
      "Leaks to leave out: lines leak:PATTERN as for LeakSanitizer.", valueName: "file"))
  var suppressions: String?

  @Option(help: ArgumentHelp("Leaked bytes that are no reason to fail.", valueName: "bytes"))
  var leakLimit: UInt64 = 0

  func validate() throws {
    guard failOnLeak || (suppressions == nil && leakLimit == 0) else {
      throw ValidationError("--suppressions and --leak-limit need --fail-on-leak")
    }
  }

  /// - Throws: `ObservationError` if the file can't be read or says something it can't say.
  func suppressionList() throws(ObservationError) -> SuppressionList {
    guard let path = suppressions else { return SuppressionList() }
    let bytes: [UInt8]
    do {
      let file = try RegularFile(opening: path)
      bytes = try file.read(at: 0, count: file.identity.byteCount)
    } catch {
      let why =
        switch error.reason {
        case .vanished: "there is no such file"
        case .notPermitted: "permission denied"
        default: "it is not a readable file"
        }
      throw ObservationError(
        .usage, "cannot read the suppressions in \(path): \(why); name a file of lines leak:PATTERN"
      )
    }
    do {
      return try SuppressionList(parsing: String(decoding: bytes, as: UTF8.self))
    } catch {
      throw ObservationError(
        .usage, "cannot use the suppressions in \(path): \(error); write lines leak:PATTERN")
    }
  }
}
