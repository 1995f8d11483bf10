import AllocationModel
import ArgumentParser
import Monitoring
import Processes

/// Which leaks are known.
struct SuppressionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Leaks to leave out: lines leak:PATTERN as for LeakSanitizer.", valueName: "file"))
  var suppressions: String?

  /// - Throws: `ObservationError` if the file can't be read or says something it can't say.
  func list() throws(ObservationError) -> SuppressionList {
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
