import AllocationModel
import Exporters
import LinuxSystem
import Presentation

/// Writes snapshots the way the options ask for.
struct SnapshotPrinter {
  private let output: OutputStream
  private let options: ObservationOptions

  init(_ output: OutputStream, _ options: ObservationOptions) {
    self.output = output
    self.options = options
  }

  /// Prints a snapshot, and to standard error why names in it are missing; false: the reader has left.
  func print(_ snapshot: Snapshot, sourceFailures: [String: String]) -> Bool {
    for (path, reason) in sourceFailures.sorted(by: { $0.key < $1.key }) {
      OutputStream.standardError.write(
        "heaptap: cannot read the debug information of \(path): \(reason); "
          + "its code is shown without lines\n")
    }
    let shown = snapshot.limited(to: options.top)
    guard !options.json else {
      return output.write(JSONSnapshotExporter().line(for: shown) + "\n")
    }
    let report = TextReport(
      width: output.columns ?? 100, usesColor: output.isTerminal, maximumFrames: options.frames)
    return output.write(report.render(shown) + "\n")
  }
}
