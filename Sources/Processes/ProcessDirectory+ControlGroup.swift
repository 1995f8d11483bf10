extension ProcessDirectory {
  /// Path of its control group from the root of the unified hierarchy, `/` for the root itself; nil where there is none
  /// (cgroups(7), version 2).
  package func controlGroup() throws(ProcessError) -> String? {
    let path = "\(path)/cgroup"
    let text = String(
      decoding: try OwnedFile(opening: path).readAll(limit: 1 << 16, path: path), as: UTF8.self)
    return text.split(separator: "\n").first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) }
  }
}
