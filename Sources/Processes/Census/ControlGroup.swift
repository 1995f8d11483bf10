import Glibc

/// A cgroup of the unified hierarchy (cgroups(7)), with everything below it.
package struct ControlGroup: Hashable, Sendable {
  /// Where its folder is.
  package let folder: String
  /// The kernel's number for it: the inode of its folder.
  package let id: UInt64
  /// How far it is below the root of the hierarchy, which is at level 0.
  package let level: UInt32

  /// Finds a cgroup by its folder, or by its path in the hierarchy as `/proc/PID/cgroup` has it.
  ///
  /// - Throws: `ProcessError` if there is no such cgroup, or no unified hierarchy is mounted.
  package init(path: String) throws(ProcessError) {
    guard let root = Self.mountPoint else {
      throw ProcessError(
        action: "find cgroup \(path) where no cgroup2 file system is mounted",
        reason: .system(ENODEV))
    }
    let isInside = path == root || path.hasPrefix(root + "/")
    let relative = isInside ? String(path.dropFirst(root.count)) : path
    let parts = relative.split(separator: "/").filter { $0 != "." }
    guard !parts.contains("..") else {
      throw ProcessError(action: "find cgroup \(path)", reason: .system(EINVAL))
    }
    let folder = ([root] + parts.map(String.init)).joined(separator: "/")
    var status = stat()
    guard stat(folder, &status) == 0 else {
      throw ProcessError(action: "find cgroup \(path) at \(folder)", reason: .system(errno))
    }
    guard access("\(folder)/cgroup.procs", F_OK) == 0 else {
      throw ProcessError(
        action: "find cgroup \(path), as \(folder) is none", reason: .system(ENOENT))
    }
    self.folder = folder
    id = UInt64(status.st_ino)
    level = UInt32(parts.count)
  }

  /// Processes that are in it or below it now, ascending.
  package func pids() -> [Int32] {
    var found: Set<Int32> = []
    Self.collect(folder, into: &found)
    return found.sorted()
  }

  private static func collect(_ folder: String, into pids: inout Set<Int32>) {
    let path = "\(folder)/cgroup.procs"
    if let text = try? OwnedFile(opening: path).readAll(limit: 16 << 20, path: path) {
      for line in text.split(separator: UInt8(ascii: "\n")) {
        // 0 stands for a process of another PID namespace.
        if let pid = Int32(String(decoding: line, as: UTF8.self)), pid > 0 { pids.insert(pid) }
      }
    }
    guard let stream = opendir(folder) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { collect("\(folder)/\(name)", into: &pids) }
    }
  }

  /// Where the unified hierarchy is mounted, nil if nowhere (proc_pid_mountinfo(5)).
  private static var mountPoint: String? {
    let path = "/proc/self/mountinfo"
    guard let text = try? OwnedFile(opening: path).readAll(limit: 16 << 20, path: path) else {
      return nil
    }
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let halves = line.components(separatedBy: " - ")
      let fields = halves[0].split(separator: " ")
      guard halves.count == 2, halves[1].hasPrefix("cgroup2 "), fields.count > 4 else { continue }
      return String(fields[4])
    }
    return nil
  }

  /// The path in the contents of `/proc/PID/cgroup`: lines of hierarchy, controllers and path, parted by colons.
  static func path(parsing text: [UInt8]) -> String? {
    var unified: String?
    var memory: String?
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let path = String(decoding: fields[2], as: UTF8.self)
      if fields[1].isEmpty { unified = path }
      let controllers = fields[1].split(separator: UInt8(ascii: ","))
      if controllers.contains(where: { $0.elementsEqual("memory".utf8) }) { memory = path }
    }
    return unified == "/" ? memory ?? unified : unified ?? memory
  }
}

extension Substring {
  /// The parts between separators.
  fileprivate func components(separatedBy separator: String) -> [Substring] {
    var parts: [Substring] = []
    var rest = self
    while let range = rest.firstRange(of: separator) {
      parts.append(rest[..<range.lowerBound])
      rest = rest[range.upperBound...]
    }
    return parts + [rest]
  }
}
