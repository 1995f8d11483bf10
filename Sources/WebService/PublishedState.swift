package import AllocationModel
import LinuxSystem
import Synchronization

/// What the daemon last came to know, for whoever asks.
///
/// Publishing and reading hold the lock only to copy a few references, so no client can delay the poll loop.
package final class PublishedState: Sendable {
  /// All that an answer is made of.
  package struct Content: Sendable {
    package var snapshot: Snapshot?
    /// CLOCK_MONOTONIC when it was published, nanoseconds.
    package var published: UInt64 = 0
    package var pollDuration = 0.0
    /// Files whose functions are probed.
    package var attachedFiles: [String] = []
    package var failedWrites: [String: UInt64] = [:]
    /// The last summary as JSON, with a newline at its end.
    package var summary: String?
  }

  /// Does not change while the daemon runs.
  package struct Constants: Sendable {
    package var host: HostIdentity
    /// Suspects that have series of their own.
    package var siteLimit: Int
    /// Seconds between two snapshots.
    package var interval: Double
    /// Nanoseconds since 1970 when observation began.
    package var startNanoseconds: Int64

    package init(
      host: HostIdentity, siteLimit: Int, interval: Double, startNanoseconds: Int64
    ) {
      self.host = host
      self.siteLimit = siteLimit
      self.interval = interval
      self.startNanoseconds = startNanoseconds
    }
  }

  package let constants: Constants
  private let content = Mutex(Content())

  package init(_ constants: Constants) {
    self.constants = constants
  }

  /// - Parameters:
  ///   - pollDuration: seconds from the beginning of the reading until now.
  ///   - now: CLOCK_MONOTONIC, nanoseconds.
  package func publish(
    _ snapshot: Snapshot, pollDuration: Double, attachedFiles: [String],
    failedWrites: [String: UInt64], now: UInt64
  ) {
    content.withLock { content in
      content.snapshot = snapshot
      content.published = now
      content.pollDuration = pollDuration
      content.attachedFiles = attachedFiles
      content.failedWrites = failedWrites
    }
  }

  package func publish(summary: String) {
    content.withLock { $0.summary = summary }
  }

  package var current: Content { content.withLock { $0 } }
}

extension PublishedState.Content {
  /// Seconds since the snapshot; 0 before the first.
  func age(now: UInt64) -> Double {
    snapshot == nil || now < published ? 0 : Double(now - published) / 1e9
  }
}
