/// Everything that can be set of the daemon.
package struct ServeConfiguration: Hashable, Sendable {
  /// Which processes are observed.
  package enum Scope: Hashable, Sendable {
    case all
    /// Those whose command name is one of these.
    case names([String])
    /// Those in one of these control groups or below, as paths from the root of the hierarchy: `/system.slice/a.service`.
    case cgroups([String])
    case pids([Int32])
  }

  package enum SummaryFormat: String, Hashable, Sendable, CaseIterable {
    case json, text
  }

  package var scope = Scope.all
  /// Command names that are never observed.
  package var excludedNames: [String] = []
  /// Seconds between two readings, 0.1 to 3600.
  package var interval = 2.0
  /// Seconds of the past that growth is computed over, 10 to 86400.
  package var horizon = 600.0
  /// Sites named in summaries, metrics and history, 1 to 1000.
  package var top = 20
  /// The share of its time that observing may cost a process, 0.001 to 0.5; nil: every call is counted, whatever it
  /// costs.
  package var budget: Double? = 0.02
  /// Room for live blocks; nil: by the machine's memory.
  package var maximumBlocks: Int?
  package var maximumStacks = 32_768

  /// Seconds between two summaries, 10 to 604800.
  package var summaryInterval = 3600.0
  /// nil: no summaries are written.
  package var summaryFolder: String? = "/var/lib/heaptap/summaries"
  package var summaryFormats: [SummaryFormat] = [.json, .text]
  package var summaryRetention = RetentionPlan(
    count: 2000, age: 30 * 86400, byteCount: 256 << 20)

  /// nil: no history is kept.
  package var historyPath: String? = "/var/lib/heaptap/history.sqlite"
  /// Seconds, 3600 to ten years.
  package var historyRetention = 30.0 * 86400

  /// nil: nothing is served.
  package var listen: ListenAddress? = .tcp(host: "127.0.0.1", port: 9464)
  package var allowsRemote = false

  package init() {}
}
