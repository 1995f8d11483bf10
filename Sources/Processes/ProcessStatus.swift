package import AllocationModel

/// What `/proc/PID/stat` and `/proc/PID/status` tell of a process at one instant.
package struct ProcessStatus: Hashable, Sendable {
  package var identity: ProcessIdentity
  /// The command name, at most 15 bytes (64 for kernel threads); may hold any character.
  package var name: String
  /// One letter, as proc_pid_stat(5) lists them: R, S, D, Z, T, t, X, I and others.
  package var state: Character
  /// The process a thread belongs to; equals the pid for a process.
  package var threadGroup: Int32
  package var parent: Int32
  package var session: Int32
  /// ≥ 0; 0 for a process that is ending.
  package var threadCount: Int
  package var isKernelThread: Bool
  /// Resident set size in bytes (`VmRSS`); nil for kernel threads and zombies, which have no memory.
  package var residentBytes: UInt64?
  /// Resident anonymous memory in bytes (`RssAnon`); nil like `residentBytes`.
  package var residentAnonymousBytes: UInt64?

  /// Nothing but its exit status is left.
  package var isZombie: Bool { state == "Z" || state == "X" }

  /// Parses the contents of `/proc/PID/stat` and `/proc/PID/status`; nil where a field is missing.
  package init?(stat: [UInt8], status: [UInt8]) {
    guard let stat = StatFields(parsing: stat) else { return nil }
    let fields = StatusFields(parsing: status)
    guard let threadGroup = fields.number("Tgid").flatMap(Int32.init(exactly:)) else { return nil }
    identity = stat.identity
    name = stat.name
    state = stat.state
    self.threadGroup = threadGroup
    parent = stat.parent
    session = stat.session
    threadCount = stat.threadCount
    isKernelThread = stat.isKernelThread
    residentBytes = fields.kibibytes("VmRSS")
    residentAnonymousBytes = fields.kibibytes("RssAnon")
  }
}
