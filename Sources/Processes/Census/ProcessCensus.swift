package import AllocationModel
import Glibc

/// Looks at the memory of processes from outside, without a probe.
///
/// A process that is known costs one system call: its `statm` stays open, and reads as gone when the process is, whoever
/// has its pid by then. So a row is always about one process.
package struct ProcessCensus: ~Copyable {
  /// One process. What it is called is as of when it was seen first or was asked for last.
  package struct Row: Hashable, Sendable {
    package var identity: ProcessIdentity
    package var parent: Int32
    /// At most 15 bytes.
    package var name: String
    /// Path in the process's mount namespace; nil where it can't be read.
    package var executable: String?
    /// Path in the unified hierarchy, else that of the memory controller (cgroups(7)); nil where there is neither.
    package var cgroup: String?
    package var memory: MemoryUse
  }

  private final class Entry {
    var row: Row
    /// nil when there were no descriptors left.
    let file: StatmFile?
    var isOutdated = false

    init(_ row: Row, _ file: StatmFile?) {
      self.row = row
      self.file = file
    }
  }

  private var entriesByPid: [Int32: Entry] = [:]
  /// They have no memory of their own.
  private var kernelThreads: Set<Int32> = []

  package init() {}

  /// Descriptors that are held open.
  package var descriptorCount: Int { entriesByPid.values.count { $0.file != nil } }

  /// Looks at these processes, and forgets all others. Those that are gone, that have ended, and kernel threads are
  /// left out.
  package mutating func take(_ pids: [Int32]) -> [Row] {
    var rows: [Row] = []
    rows.reserveCapacity(pids.count)
    var seen: [Int32: Entry] = [:]
    seen.reserveCapacity(pids.count)
    var threads: Set<Int32> = []
    for pid in pids {
      if kernelThreads.contains(pid) {
        threads.insert(pid)
      } else if let entry = refreshed(entriesByPid[pid]) ?? Self.newEntry(pid) {
        seen[pid] = entry
        rows.append(entry.row)
      } else if Self.isKernelThread(pid) {
        threads.insert(pid)
      }
    }
    entriesByPid = seen
    kernelThreads = threads
    return rows
  }

  /// The last row of a process; nil for one that was not looked at last time.
  package func row(of pid: Int32) -> Row? { entriesByPid[pid]?.row }

  /// The process runs another program, or has moved: its name, executable and cgroup are read again next time.
  package func noteChange(of pid: Int32) { entriesByPid[pid]?.isOutdated = true }

  /// nil if the process is gone.
  private func refreshed(_ entry: Entry?) -> Entry? {
    guard let entry else { return nil }
    let pid = entry.row.identity.pid
    guard let file = entry.file ?? StatmFile(pid), let memory = file.read() else { return nil }
    if entry.file == nil || entry.isOutdated || memory.isEmpty {
      guard let fields = Self.fields(of: pid), fields.identity == entry.row.identity else {
        return nil
      }
      // Its first thread may have ended before the others.
      guard !memory.isEmpty || fields.threadCount > 1 else { return nil }
      if entry.isOutdated { Self.describe(&entry.row, fields) }
      entry.isOutdated = false
    }
    if !memory.isEmpty { entry.row.memory = memory }
    return entry
  }

  private static func newEntry(_ pid: Int32) -> Entry? {
    guard let file = StatmFile(pid), let memory = file.read(), !memory.isEmpty,
      let fields = fields(of: pid), !fields.isKernelThread
    else { return nil }
    var row = Row(
      identity: fields.identity, parent: fields.parent, name: fields.name, memory: memory)
    describe(&row, fields)
    return Entry(row, file.isKeepable ? file : nil)
  }

  private static func describe(_ row: inout Row, _ fields: StatFields) {
    let directory = ProcessDirectory(pid: row.identity.pid)
    row.name = fields.name
    row.parent = fields.parent
    row.executable = (try? directory.executablePath()) ?? nil
    row.cgroup = try? directory.cgroup()
  }

  private static func fields(of pid: Int32) -> StatFields? {
    guard let file = try? OwnedFile(opening: "/proc/\(pid)/stat"),
      let text = try? file.readAll(limit: 4096, path: "")
    else { return nil }
    return StatFields(parsing: text)
  }

  private static func isKernelThread(_ pid: Int32) -> Bool {
    fields(of: pid)?.isKernelThread ?? false
  }
}

/// `/proc/PID/statm`, kept open.
private final class StatmFile {
  private let file: OwnedFile
  /// Descriptors are left for others.
  var isKeepable: Bool { file.rawValue < Self.descriptorLimit }

  /// Half of what this process may open.
  private static let descriptorLimit: Int32 = {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
    return Int32(clamping: limit.rlim_cur / 2)
  }()

  init?(_ pid: Int32) {
    guard let file = try? OwnedFile(opening: "/proc/\(pid)/statm") else { return nil }
    self.file = file
  }

  /// nil when the process is gone. `pread(2)`
  func read() -> MemoryUse? {
    withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { buffer in
      let count = retryingInterrupts { pread(file.rawValue, buffer.baseAddress, buffer.count, 0) }
      guard count > 0 else { return nil }
      return MemoryUse(parsing: buffer.prefix(count))
    }
  }
}

extension ProcessDirectory {
  /// The process's place among the cgroups (`/proc/PID/cgroup`, cgroups(7)).
  ///
  /// In the unified hierarchy, unless it is at that one's root and at none of the memory controller's.
  package func cgroup() throws(ProcessError) -> String {
    let path = "\(path)/cgroup"
    let text = try OwnedFile(opening: path).readAll(limit: 1 << 20, path: path)
    return ControlGroup.path(parsing: text) ?? "/"
  }
}
