import LinuxSystem
import Processes

/// `/tmp/perf-PID.map` of one process, as the process sees `/tmp` and its own id.
struct PerfMapFile: Sendable {
  private static let byteLimit: UInt64 = 64 << 20
  /// Nanoseconds between two looks at the file: it grows all the time while a program warms up.
  private static let interval: UInt64 = 100_000_000

  private(set) var map = PerfMap()
  private var readByteCount: UInt64 = 0
  private var lastLook: UInt64?

  /// Reads what was appended since the last time.
  ///
  /// Everybody can write to `/tmp`, so only a file of the process's own user, or of root, is believed.
  mutating func refresh(of directory: ProcessDirectory, at now: UInt64) {
    if let lastLook, now &- lastLook < Self.interval { return }
    lastLook = now
    guard let owner = try? directory.ownership(),
      let root = try? OwnedDescriptor.folder("\(directory.path)/root"),
      case let path = "/tmp/perf-\(owner.namespacePid).map",
      let descriptor = try? root.opening(path),
      let file = try? RegularFile(taking: descriptor, path: path),
      file.owner == owner.user || file.owner == 0
    else { return }
    let end = min(UInt64(file.identity.byteCount), Self.byteLimit)
    // A file that became shorter is another one; the names that are known stay.
    guard end > readByteCount,
      let text = try? file.read(at: readByteCount, count: Int(end - readByteCount))
    else { return }
    readByteCount += UInt64(text.count)
    map.append(text)
  }
}
