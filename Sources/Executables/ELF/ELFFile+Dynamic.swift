import CElfutils
import Processes

extension ELFFile {
  /// What the dynamic loader reads of a file.
  package struct DynamicNames: Hashable, Sendable {
    /// The name that others need it by (`DT_SONAME`).
    package var ownName: String?
    /// The libraries that it needs (`DT_NEEDED`), in order.
    package var needed: [String] = []
  }

  /// Sections of a few hundred entries; what is beyond is not read.
  private static let dynamicByteLimit = 64 << 10
  private static let nameByteLimit = 4096

  /// Names in the dynamic section; none in static executables and damaged files.
  package borrowing func dynamicNames() -> DynamicNames {
    var names = DynamicNames()
    guard is64Bit,
      let header = handle.programHeaders().first(where: { $0.p_type == UInt32(PT_DYNAMIC) }),
      let bytes = try? handle.file.read(
        at: header.p_offset, count: min(Int(clamping: header.p_filesz), Self.dynamicByteLimit))
    else { return names }
    let entries = Self.entries(bytes)
    // System V gABI, "Dynamic Section".
    guard let table = entries.first(where: { $0.tag == Int64(DT_STRTAB) })?.value else {
      return names
    }
    for entry in entries where [Int64(DT_NEEDED), Int64(DT_SONAME)].contains(entry.tag) {
      guard let name = string(at: table &+ entry.value) else { continue }
      if entry.tag == Int64(DT_SONAME) { names.ownName = name } else { names.needed.append(name) }
    }
    return names
  }

  private static func entries(_ bytes: [UInt8]) -> [(tag: Int64, value: UInt64)] {
    let span = bytes.span.bytes
    var entries: [(tag: Int64, value: UInt64)] = []
    for start in stride(from: 0, to: max(0, bytes.count - 15), by: 16) {
      let tag = span.unsafeLoadUnaligned(fromByteOffset: start, as: Int64.self)
      if tag == Int64(DT_NULL) { break }
      let value = span.unsafeLoadUnaligned(fromByteOffset: start + 8, as: UInt64.self)
      entries.append((tag, value))
    }
    return entries
  }

  private borrowing func string(at address: UInt64) -> String? {
    guard let bytes = try? bytes(at: address, count: Self.nameByteLimit),
      let end = bytes.firstIndex(of: 0), end > 0
    else { return nil }
    return String(decoding: bytes[..<end], as: UTF8.self)
  }
}
