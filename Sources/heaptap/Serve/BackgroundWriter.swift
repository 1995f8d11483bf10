import AllocationModel
import Dispatch
import Exporters
import LinuxSystem
import Recording
import Serving
import Synchronization

/// Writes history and summaries on a thread of its own, so that a slow disk never delays the poll loop.
final class BackgroundWriter: Sendable {
  /// Snapshots that may wait for the disk; further ones are left out of the history and counted.
  private static let waitingLimit = 8
  private static let thinningInterval: Int64 = 60_000_000_000

  private struct State: ~Copyable {
    var history: History?
    var thinned: Int64 = 0
  }

  private let queue = DispatchQueue(label: "heaptap.writer", qos: .utility)
  private let state: Mutex<State>
  private let complaints = Mutex(Complaints(["history", "summary"]))
  private let waiting = Atomic<Int>(0)
  private let say: @Sendable (String) -> Void

  /// - Parameters:
  ///   - history: opens the history; nil: none is kept.
  ///   - say: gets sentences for the log.
  /// - Throws: `HistoryError`.
  init(
    history: (() throws -> sending History)?, say: @escaping @Sendable (String) -> Void
  ) throws {
    self.say = say
    let opened = try history?()
    if let damaged = opened?.damagedFile {
      say("the history was damaged: it is kept as \(damaged), and a new one was begun")
    }
    state = Mutex(State(history: opened))
  }

  /// How often something could not be written, by what.
  var failedWrites: [String: UInt64] { complaints.withLock { $0.counts } }

  func record(_ snapshot: Snapshot) {
    guard waiting.load(ordering: .relaxed) < Self.waitingLimit else {
      return failed("history", "the disk is too slow for the history: snapshots are left out of it")
    }
    waiting.add(1, ordering: .relaxed)
    queue.async { [self] in
      attempt("history") { try recordNow(snapshot) }
      waiting.subtract(1, ordering: .relaxed)
    }
  }

  func write(
    _ summary: Summary, _ formats: [ServeConfiguration.SummaryFormat], to folder: SummaryFolder
  ) {
    queue.async { [self] in
      let name = Timestamp(unixNanoseconds: summary.period.from).fileName
      let now = Double(SystemClock.unixNanoseconds) / 1e9
      attempt("summary") {
        for format in formats {
          switch format {
          case .json:
            try folder.write(JSONSummaryExporter().text(for: summary), as: name + ".json", now: now)
          case .text:
            try folder.write(TextSummaryExporter().text(for: summary), as: name + ".txt", now: now)
          }
        }
      }
    }
  }

  /// Waits until all is written, and closes the history.
  func finish() {
    queue.sync {
      attempt("history") {
        try state.withLock { state in
          try state.history?.close()
          state.history = nil
        }
      }
    }
  }

  private func recordNow(_ snapshot: Snapshot) throws {
    try state.withLock { state in
      guard let history = state.history else { return }
      try history.record(snapshot)
      let now = snapshot.unixNanoseconds
      guard now - state.thinned >= Self.thinningInterval || now < state.thinned else { return }
      state.thinned = now
      try history.thin(unixNanoseconds: now)
    }
  }

  private func attempt(_ subject: String, _ work: () throws -> Void) {
    do {
      try work()
      if let sentence = complaints.withLock({ $0.worked(subject) }) { say(sentence) }
    } catch {
      failed(subject, "\(error)")
    }
  }

  private func failed(_ subject: String, _ sentence: String) {
    if let sentence = complaints.withLock({ $0.failed(subject, sentence) }) { say(sentence) }
  }
}
