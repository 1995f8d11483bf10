import CElfutils
import Glibc
import LinuxSystem
import Processes

/// Finds the file with the debug information that was split off a module, in the mount namespace of its process.
///
/// The places are those of GDB's manual, "Debugging Information in Separate Files".
struct DebugFileSearch {
  /// Root folder of the process; nil where it is this process's own.
  let root: ProcessRoot?
  /// The module's path below that root.
  let path: String
  let buildID: String?

  static let folder = "/usr/lib/debug"

  static func path(ofBuildID buildID: String) -> String? {
    guard buildID.count > 2 else { return nil }
    return "\(folder)/.build-id/\(buildID.prefix(2))/\(buildID.dropFirst(2)).debug"
  }

  /// Where the file that a `.gnu_debuglink` names may be.
  static func paths(ofLink name: String, inModuleAt path: String) -> [String] {
    // A name with folders in it would lead anywhere.
    guard !name.isEmpty, !name.contains("/"), let slash = path.lastIndex(of: "/") else { return [] }
    let own = path[..<slash]
    return ["\(own)/\(name)", "\(own)/.debug/\(name)", "\(folder)\(own)/\(name)"]
  }

  /// Where the file may be that a debug file shares with others (`.gnu_debugaltlink`, written by dwz).
  static func paths(ofSharedFile name: String, inModuleWithBuildID buildID: String?) -> [String] {
    if name.hasPrefix("/") { return [name] }
    guard let debugFile = buildID.flatMap(path(ofBuildID:)),
      let slash = debugFile.lastIndex(of: "/")
    else { return [] }
    return ["\(debugFile[..<slash])/\(name)"]
  }

  /// A descriptor of the debug file below the root, owned by the caller; nil where there is none, or no root.
  func open(link: String?, checksum: UInt32) -> Int32? {
    if let buildID, let path = Self.path(ofBuildID: buildID),
      let found = open(path, if: { hasBuildID(buildID, $0) })
    {
      return found
    }
    for candidate in link.map({ Self.paths(ofLink: $0, inModuleAt: path) }) ?? [] {
      if let found = open(candidate, if: { $0.checksum == checksum }) { return found }
    }
    return nil
  }

  func open(sharedFile name: String) -> Int32? {
    for candidate in Self.paths(ofSharedFile: name, inModuleWithBuildID: buildID) {
      if let found = open(candidate, if: { _ in true }) { return found }
    }
    return nil
  }

  private func open(
    _ path: String, if isRight: (borrowing RegularFile) -> Bool
  ) -> Int32? {
    guard let file = root?.open(path), isRight(file) else { return nil }
    return try? OwnedDescriptor.duplicating(file.descriptor).release()
  }

  private func hasBuildID(_ buildID: String, _ file: borrowing RegularFile) -> Bool {
    guard let copy = try? OwnedDescriptor.duplicating(file.descriptor),
      let again = try? RegularFile(taking: copy, path: file.path), let elf = try? ELFFile(again)
    else { return false }
    return elf.buildID == buildID
  }
}

extension RegularFile {
  /// CRC-32 of the contents, as `.gnu_debuglink` has it (ISO 3309, reflected, polynomial 0x04c11db7).
  var checksum: UInt32 {
    let table = Self.checksumTable
    var sum = UInt32.max
    var offset: UInt64 = 0
    while let chunk = try? read(at: offset, count: 1 << 20), !chunk.isEmpty {
      for byte in chunk { sum = table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ (sum >> 8) }
      offset += UInt64(chunk.count)
    }
    return ~sum
  }

  private static let checksumTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { sum, _ in (sum >> 1) ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
  }
}
