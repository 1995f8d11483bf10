/// How the daemon is, as one JSON object.
package struct HealthExporter: Hashable, Sendable {
  package var isWell: Bool
  /// Seconds; nil before the first snapshot.
  package var snapshotAge: Double?
  /// Seconds above which the daemon is not well.
  package var ageLimit: Double
  /// Events lost since observation began.
  package var lost: UInt64
  package var processCount: Int
  package var attachedFiles: [String]
  package var failedWrites: [String: UInt64]

  package init(
    isWell: Bool, snapshotAge: Double?, ageLimit: Double, lost: UInt64, processCount: Int,
    attachedFiles: [String], failedWrites: [String: UInt64]
  ) {
    self.isWell = isWell
    self.snapshotAge = snapshotAge
    self.ageLimit = ageLimit
    self.lost = lost
    self.processCount = processCount
    self.attachedFiles = attachedFiles
    self.failedWrites = failedWrites
  }

  /// The object with a newline at its end.
  package var text: String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("ok", isWell)
      writer.member("snapshot_age_s", snapshotAge)
      writer.member("snapshot_age_limit_s", ageLimit)
      writer.member("processes", processCount)
      writer.member("lost_events", lost)
      writer.list("attached_files", attachedFiles) { $0.value($1) }
      writer.object("failed_writes") { writer in
        for (what, count) in failedWrites.sorted(by: { $0.key < $1.key }) {
          writer.member(what, count)
        }
      }
    }
    return writer.text + "\n"
  }
}
