import Monitoring
import Processes

/// What a command has written as JSON earlier, to be compared with.
enum FormerRun {
  /// - Parameters:
  ///   - command: whose output it is, for people.
  ///   - parse: nil for what is no such output.
  /// - Throws: `ObservationError` for a file that can't be read or is something else.
  static func read<Report>(
    _ path: String, of command: String, _ parse: ([UInt8]) -> Report?
  ) throws(ObservationError) -> Report {
    func failure(_ why: String) -> ObservationError {
      ObservationError(
        .usage,
        "cannot compare with \(path): \(why); name a file with the output of \(command) --json")
    }
    let bytes: [UInt8]
    do throws(ProcessError) {
      let file = try RegularFile(opening: path)
      bytes = try file.read(at: 0, count: file.identity.byteCount)
    } catch {
      throw failure(error.description)
    }
    guard let report = parse(bytes) else { throw failure("it is not such output") }
    return report
  }
}
