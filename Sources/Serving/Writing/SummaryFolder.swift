import Glibc
import LinuxSystem
import SystemPackage

/// What could not be written, as one sentence.
package struct WritingError: Error, Hashable, Sendable, CustomStringConvertible {
  package var description: String
}

/// The folder that summaries are written to.
package struct SummaryFolder: Sendable {
  /// What names begin with; files of other names are not touched.
  private static let prefix = "heaptap-"

  private let path: String
  private let retention: RetentionPlan

  package init(path: String, retention: RetentionPlan) {
    self.path = path
    self.retention = retention
  }

  /// Writes one file, `heaptap-NAME`, then removes those that have expired.
  ///
  /// - Parameter now: seconds since 1970.
  /// - Throws: `WritingError`.
  package func write(_ text: String, as name: String, now: Double) throws(WritingError) {
    do throws(Errno) {
      try AtomicFile.makeFolder(path)
      try AtomicFile.write(text, to: Self.prefix + name, in: path)
      for name in retention.expired(try entries(), now: now) { unlink("\(path)/\(name)") }
    } catch {
      throw WritingError(
        description: "cannot write the summary \(Self.prefix)\(name) to \(path): "
          + "\(error.description.lowercased()); see that the disk has room and the folder is writable"
      )
    }
  }

  private func entries() throws(Errno) -> [RetentionPlan.Entry] {
    guard let stream = opendir(path) else { throw Errno.current }
    defer { closedir(stream) }
    var entries: [RetentionPlan.Entry] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasPrefix(Self.prefix), name.hasSuffix(".json") || name.hasSuffix(".txt") else {
        continue
      }
      var status = stat()
      guard lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        continue
      }
      entries.append(
        RetentionPlan.Entry(
          name: name, byteCount: Int(status.st_size),
          modified: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9))
    }
    return entries
  }
}
