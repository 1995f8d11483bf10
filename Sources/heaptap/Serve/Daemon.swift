import AllocationModel
import Exporters
import LinuxSystem
import Recording
import Serving
import WebService

/// What becomes of each snapshot: it is published, gathered into summaries and recorded.
///
/// Used by the thread of the poll loop.
final class Daemon {
  private let state: PublishedState
  private let writer: BackgroundWriter
  private var configuration: ServeConfiguration
  private var builder: SummaryBuilder
  private var clock: PeriodClock

  init(
    _ configuration: ServeConfiguration, _ state: PublishedState, _ writer: BackgroundWriter
  ) {
    self.configuration = configuration
    self.state = state
    self.writer = writer
    builder = SummaryBuilder(host: state.constants.host, suspectLimit: configuration.top)
    clock = PeriodClock(
      length: configuration.summaryInterval, start: state.constants.startNanoseconds)
  }

  func take(_ report: TargetSource.Report) {
    let snapshot = report.snapshot
    state.publish(
      snapshot, pollDuration: report.pollDuration, attachedFiles: report.attachedFiles,
      failedWrites: writer.failedWrites, now: SystemClock.monotonicNanoseconds)
    // What comes after the end of a period belongs to the next.
    if let over = clock.advance(to: snapshot.unixNanoseconds) { summarise(over) }
    builder.fold(snapshot)
    if configuration.historyPath != nil { writer.record(snapshot) }
  }

  /// The summary of what there is of the present period; waits until all is written.
  func finish(unixNanoseconds: Int64) {
    summarise(clock.current(at: unixNanoseconds))
    writer.finish()
  }

  /// Takes over the settings that can change while it runs.
  func reload(_ configuration: ServeConfiguration) { self.configuration = configuration }

  private func summarise(_ period: Period) {
    let summary = builder.finish(period)
    state.publish(summary: JSONSummaryExporter().text(for: summary))
    guard let path = configuration.summaryFolder else { return }
    let folder = SummaryFolder(path: path, retention: configuration.summaryRetention)
    writer.write(summary, configuration.summaryFormats, to: folder)
  }
}
