import AllocationModel
import Exporters
import LinuxSystem

/// What is served, by path. A page for people is one row more.
package struct Endpoints: Sendable {
  /// What a request asks for, as far as it matters.
  package struct Request: Hashable, Sendable {
    package var method: String
    /// Without the query.
    package var path: String
    package var accept: String?

    package init(method: String = "GET", path: String, accept: String? = nil) {
      self.method = method
      self.path = path
      self.accept = accept
    }
  }

  /// The machine's state at the moment of the answer.
  package struct Moment: Hashable, Sendable {
    /// CLOCK_MONOTONIC, nanoseconds.
    package var now: UInt64
    package var residentBytes: UInt64
    package var cpuSeconds: Double

    package init(now: UInt64, residentBytes: UInt64, cpuSeconds: Double) {
      self.now = now
      self.residentBytes = residentBytes
      self.cpuSeconds = cpuSeconds
    }

    static var present: Moment {
      let usage = ResourceUsage.current
      return Moment(
        now: SystemClock.monotonicNanoseconds, residentBytes: usage.residentBytes,
        cpuSeconds: usage.cpuSeconds)
    }
  }

  private typealias Handler = @Sendable (Request, PublishedState, Moment) -> Answer

  private static let handlers: [String: Handler] = [
    "/metrics": metrics,
    "/healthz": health,
    "/api/v1/snapshot": snapshot,
    "/api/v1/summary/latest": summary,
  ]

  package init() {}

  package func answer(_ request: Request, _ state: PublishedState, _ moment: Moment) -> Answer {
    guard let handler = Self.handlers[request.path] else {
      let paths = Self.handlers.keys.sorted().joined(separator: ", ")
      return .failure(404, "there is nothing at this path; there is \(paths)")
    }
    guard request.method == "GET" || request.method == "HEAD" else {
      var answer = Answer.failure(405, "this path takes GET and HEAD only")
      answer.allow = "GET, HEAD"
      return answer
    }
    return handler(request, state, moment)
  }

  private static let metrics: Handler = { request, state, moment in
    let content = state.current
    let format = MetricsFormat.preferred(accept: request.accept)
    let own = MetricsExporter.Own(
      host: state.constants.host, pollDuration: content.pollDuration,
      snapshotAge: content.age(now: moment.now),
      startNanoseconds: state.constants.startNanoseconds, residentBytes: moment.residentBytes,
      cpuSeconds: moment.cpuSeconds, failedWrites: content.failedWrites)
    let text = MetricsExporter(siteLimit: state.constants.siteLimit)
      .text(for: content.snapshot, own, as: format)
    return Answer(text, contentType: format.contentType)
  }

  /// Not well: no snapshot yet, or none for three intervals and at least ten seconds.
  private static let health: Handler = { _, state, moment in
    let content = state.current
    let age = content.age(now: moment.now)
    let limit = max(10, 3 * state.constants.interval)
    let isWell = content.snapshot != nil && age <= limit
    let report = HealthExporter(
      isWell: isWell, snapshotAge: content.snapshot == nil ? nil : age, ageLimit: limit,
      lost: content.snapshot?.lost.total ?? 0, processCount: content.snapshot?.targets.count ?? 0,
      attachedFiles: content.attachedFiles, failedWrites: content.failedWrites)
    return Answer(report.text, status: isWell ? 200 : 503)
  }

  private static let snapshot: Handler = { _, state, _ in
    guard let snapshot = state.current.snapshot else {
      return .failure(503, "there is no snapshot yet")
    }
    let shown = snapshot.limited(to: state.constants.siteLimit)
    return Answer(JSONSnapshotExporter().line(for: shown) + "\n")
  }

  private static let summary: Handler = { _, state, _ in
    state.current.summary.map { Answer($0) }
      ?? .failure(404, "there is no summary yet: the first period has not ended")
  }
}
