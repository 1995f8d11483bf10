package import AllocationModel

/// Reads `/proc/PID`.
///
/// Every read may find the process gone (`.vanished`) or out of reach (`.notPermitted`). A pid may be
/// given to a new process between two reads: compare `identity()` where that matters.
package struct ProcessDirectory: Hashable, Sendable {
  package let pid: Int32

  package init(pid: Int32) {
    self.pid = pid
  }

  /// All processes in heaptap's PID namespace, ascending, kernel threads included.
  package static func allPids() throws(ProcessError) -> [Int32] {
    try sortedNumericEntries(of: "/proc")
  }

  package var path: String { "/proc/\(pid)" }

  package func identity() throws(ProcessError) -> ProcessIdentity {
    guard let fields = StatFields(parsing: try contents("stat")) else { throw malformed("stat") }
    return fields.identity
  }

  package func status() throws(ProcessError) -> ProcessStatus {
    let stat = try contents("stat")
    let status = try contents("status")
    guard let parsed = ProcessStatus(stat: stat, status: status) else { throw malformed("status") }
    return parsed
  }

  /// The process's mappings; none for kernel threads and zombies.
  package func mappings() throws(ProcessError) -> MappingsText {
    MappingsText(parsing: try contents("maps", limit: 256 << 20))
  }

  /// Path of the executable in the process's mount namespace, " (deleted)" included where it is; nil for
  /// kernel threads and zombies, which have none.
  package func executablePath() throws(ProcessError) -> String? {
    do throws(ProcessError) {
      return String(decoding: try linkTarget("\(path)/exe"), as: UTF8.self)
    } catch {
      // ENOENT means either; only a process that is still there can lack an executable.
      guard error.reason == .vanished else { throw error }
      _ = try contents("stat")
      return nil
    }
  }

  /// The command line, split at NUL; empty for kernel threads and zombies.
  package func commandLine() throws(ProcessError) -> [String] {
    try contents("cmdline").split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Thread ids, ascending.
  package func threads() throws(ProcessError) -> [Int32] {
    try sortedNumericEntries(of: "\(path)/task")
  }

  /// What a thread is called (`/proc/PID/task/TID/comm`), at most 15 bytes.
  package func threadName(_ tid: Int32) throws(ProcessError) -> String {
    let name = try contents("task/\(tid)/comm", limit: 64)
    return String(decoding: name.last == 0x0a ? name.dropLast() : name[...], as: UTF8.self)
  }

  /// Memory that the kernel counts as resident (`Rss` of smaps_rollup, Linux 4.14), bytes. It looks at every page for
  /// that, other than for the sum in `status`, which may lag behind.
  package func residentByteCount() throws(ProcessError) -> UInt64 {
    let fields = StatusFields(parsing: try contents("smaps_rollup"))
    guard let byteCount = fields.kibibytes("Rss") else { throw malformed("smaps_rollup") }
    return byteCount
  }

  /// Its effective user, and its id in its own PID namespace.
  package func ownership() throws(ProcessError) -> (user: UInt32, namespacePid: Int32) {
    let fields = StatusFields(parsing: try contents("status"))
    let users = fields.numbers("Uid")
    guard users.count > 1, let user = UInt32(exactly: users[1]),
      let own = fields.numbers("NSpid").last ?? fields.number("Pid"),
      let namespacePid = Int32(exactly: own)
    else { throw malformed("status") }
    return (user, namespacePid)
  }

  /// Whether it sees other files than this process under the same paths: another mount namespace, or another root.
  ///
  /// False where that can't be told.
  package var hasOwnRoot: Bool {
    func differs(_ name: String) -> Bool {
      guard let theirs = try? FileNumber("\(path)/\(name)"),
        let ours = try? FileNumber("/proc/self/\(name)")
      else { return false }
      return theirs != ours
    }
    return differs("ns/mnt") || differs("root/")
  }

  private func contents(_ name: String, limit: Int = 4 << 20) throws(ProcessError) -> [UInt8] {
    let path = "\(path)/\(name)"
    return try OwnedFile(opening: path).readAll(limit: limit, path: path)
  }

  private func malformed(_ name: String) -> ProcessError {
    ProcessError(action: "read \(path)/\(name)", reason: .malformed)
  }
}
