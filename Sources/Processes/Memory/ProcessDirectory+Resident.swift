extension ProcessDirectory {
  /// `Rss` of `/proc/PID/smaps_rollup` (proc_pid_smaps(5)), bytes.
  package func residentByteCount() throws(ProcessError) -> UInt64? {
    let path = "\(path)/smaps_rollup"
    let text = try OwnedFile(opening: path).readAll(limit: 1 << 16, path: path)
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("Rss:") {
      return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }.map { $0 * 1024 }
    }
    return nil
  }
}
