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

  /// False: the reader has left.
  func print(_ snapshot: Snapshot) -> Bool {
    let shown = snapshot.limited(to: options.top)
    guard !options.json else {
      return output.write(JSONSnapshotExporter().line(for: shown) + "\n")
    }
    let report = TextReport(
      width: output.columns ?? 100, usesColor: output.isTerminal, maximumFrames: options.frames)
    return output.write(report.render(shown) + "\n")
  }
}
