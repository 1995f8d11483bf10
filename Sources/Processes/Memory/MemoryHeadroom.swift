import Glibc

/// How much more memory a process may use before the kernel takes action.
package struct MemoryHeadroom: Hashable, Sendable {
  /// Bytes, ≥ 0.
  package var byteCount: UInt64
  /// What sets the limit: a cgroup's folder, or nil for the machine.
  package var cgroup: String?

  /// The least of what the machine has (`MemAvailable`, proc_meminfo(5)) and what the process's cgroups and those above
  /// them allow (`memory.max`, or `memory.limit_in_bytes` of the first version; cgroups(7)); nil where none can be read.
  ///
  /// - Throws: `ProcessError` if the process can't be read.
  package init?(of process: ProcessDirectory) throws(ProcessError) {
    let path = "\(process.path)/cgroup"
    let groups = try OwnedFile(opening: path).readAll(limit: 1 << 20, path: path)
    let mounts =
      (try? OwnedFile(opening: "/proc/self/mountinfo").readAll(limit: 16 << 20, path: "mountinfo"))
      ?? []
    var found: [MemoryHeadroom] = []
    for folder in Self.folders(groups: groups, mounts: mounts) {
      let names = [
        ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"),
      ]
      for (limit, use) in names {
        guard let limit = Self.number(in: "\(folder)/\(limit)"),
          let use = Self.number(in: "\(folder)/\(use)")
        else { continue }
        found.append(MemoryHeadroom(byteCount: limit - min(limit, use), cgroup: folder))
      }
    }
    if let text = try? OwnedFile(opening: "/proc/meminfo").readAll(limit: 1 << 16, path: "meminfo"),
      let available = Self.available(parsing: text)
    {
      found.append(MemoryHeadroom(byteCount: available, cgroup: nil))
    }
    guard let least = found.min(by: { $0.byteCount < $1.byteCount }) else { return nil }
    self = least
  }

  private init(byteCount: UInt64, cgroup: String?) {
    self.byteCount = byteCount
    self.cgroup = cgroup
  }

  /// A file of one number; nil for `max`.
  private static func number(in path: String) -> UInt64? {
    guard let text = try? OwnedFile(opening: path).readAll(limit: 64, path: path) else {
      return nil
    }
    return UInt64(String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }

  /// Bytes that /proc/meminfo calls available.
  static func available(parsing text: [UInt8]) -> UInt64? {
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("MemAvailable:") {
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
      return kibibytes.flatMap { $0 < 1 << 54 ? $0 << 10 : nil }
    }
    return nil
  }

  /// The folders of a process's cgroups that may limit its memory, and of those above them.
  ///
  /// - Parameters:
  ///   - groups: `/proc/PID/cgroup`: lines of hierarchy, controllers and path, parted by colons (cgroups(7)).
  ///   - mounts: `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
  static func folders(groups: [UInt8], mounts: [UInt8]) -> [String] {
    var roots: (unified: String?, memory: String?) = (nil, nil)
    for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), dash > 4, dash + 1 < fields.count else {
        continue
      }
      if fields[dash + 1] == "cgroup2" { roots.unified = String(fields[4]) }
      if fields[dash + 1] == "cgroup",
        fields.last?.split(separator: ",").contains("memory") == true
      {
        roots.memory = String(fields[4])
      }
    }
    var folders: [String] = []
    for line in String(decoding: groups, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isMemory = fields[1].split(separator: ",").contains("memory")
      guard let root = fields[1].isEmpty ? roots.unified : isMemory ? roots.memory : nil else {
        continue
      }
      var parts = fields[2].split(separator: "/")
      guard !parts.contains("..") else { continue }
      while true {
        folders.append(([root] + parts.map(String.init)).joined(separator: "/"))
        guard !parts.isEmpty else { break }
        parts.removeLast()
      }
    }
    return folders
  }
}
