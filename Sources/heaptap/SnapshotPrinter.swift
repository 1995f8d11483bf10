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
      let sentence = Line(
        "heaptap: cannot read the debug information of \(path): \(reason); "
          + "its code is shown without lines")
      OutputStream.standardError.write(sentence.rendered(usesColor: false) + "\n")
    }
    let shown = snapshot.limited(to: options.top)
    let groups = options.by.map { snapshot.grouped(by: $0) } ?? []
    guard !options.json else {
      let exporter = JSONSnapshotExporter(groupKey: options.by)
      let line = exporter.line(for: shown, groups: Array(groups.prefix(options.top)))
      return output.write(line + "\n")
    }
    let report = TextReport(
      width: output.columns ?? 100, usesColor: output.isTerminal, maximumFrames: options.frames)
    let text =
      options.by.map { report.render(shown, groups: groups, by: $0, limit: options.top) }
      ?? report.render(shown)
    return output.write(text + "\n")
  }

  /// Prints what was never freed where tables are printed, or to standard error where these are JSON.
  ///
  /// - Parameter obstacle: why it can't be told what is still referenced; nil if nobody asked.
  func print(_ report: LeakReport, lost: LossCounts, obstacle: String?) {
    _ = leakOutput.write(leakText.render(report, lost: lost, obstacle: obstacle))
  }

  /// Prints what was lost in the same place, and as JSON among the tables where these are JSON.
  func print(_ report: LossReport, lost: LossCounts) {
    if options.json { _ = output.write(JSONLeaksExporter.line(report.leaks)) }
    _ = leakOutput.write(leakText.render(report, lost: lost))
  }

  private var leakOutput: OutputStream { options.json ? .standardError : output }

  private var leakText: LeakText {
    LeakText(
      width: leakOutput.columns ?? 100, usesColor: leakOutput.isTerminal,
      maximumFrames: options.frames, maximumSites: options.top)
  }
}
