/// The mappings in the text of `/proc/PID/maps`, as proc_pid_maps(5) describes it.
package struct MappingsText: Hashable, Sendable {
  /// In the kernel's order, which is by address.
  package var mappings: [MemoryMapping]
  /// Lines that were skipped because they are no mapping.
  package var malformedLineCount: Int

  /// Parses any bytes.
  package init(parsing text: [UInt8]) {
    mappings = []
    malformedLineCount = 0
    for line in text.split(separator: UInt8(ascii: "\n")) {
      if let mapping = MemoryMapping(line: line) {
        mappings.append(mapping)
      } else {
        malformedLineCount += 1
      }
    }
  }
}

extension MemoryMapping {
  /// Parses `start-end perms offset major:minor inode path`.
  fileprivate init?(line: ArraySlice<UInt8>) {
    var scanner = ByteScanner(line)
    guard let start: UInt64 = scanner.number(radix: 16), scanner.skip(UInt8(ascii: "-")),
      let end: UInt64 = scanner.number(radix: 16), start < end,
      scanner.skip(UInt8(ascii: " ")),
      let permissions = scanner.word().flatMap(Permissions.init(text:)),
      scanner.skip(UInt8(ascii: " ")), let fileOffset: UInt64 = scanner.number(radix: 16),
      scanner.skip(UInt8(ascii: " ")), let major: UInt32 = scanner.number(radix: 16),
      scanner.skip(UInt8(ascii: ":")), let minor: UInt32 = scanner.number(radix: 16),
      scanner.skip(UInt8(ascii: " ")), let inode: UInt64 = scanner.number(radix: 10)
    else { return nil }
    if let next = scanner.remainder.first, next != UInt8(ascii: " ") { return nil }
    scanner.skipSpaces()

    var path = scanner.remainder
    let deleted = Array(" (deleted)".utf8)
    let isDeleted = inode != 0 && path.suffix(deleted.count).elementsEqual(deleted)
    if isDeleted { path = path.dropLast(deleted.count) }
    self.init(
      start: start,
      end: end,
      permissions: permissions,
      fileOffset: fileOffset,
      deviceMajor: major,
      deviceMinor: minor,
      inode: inode,
      path: path.isEmpty ? nil : Self.unescape(path),
      isDeleted: isDeleted
    )
  }

  /// The kernel writes a newline in a path as `\012` and escapes nothing else, not even a backslash.
  private static func unescape(_ path: ArraySlice<UInt8>) -> String {
    let escape = Array(#"\012"#.utf8)
    guard path.contains(escape[0]) else { return String(decoding: path, as: UTF8.self) }
    var bytes: [UInt8] = []
    var rest = path
    while let byte = rest.first {
      if rest.starts(with: escape) {
        bytes.append(UInt8(ascii: "\n"))
        rest = rest.dropFirst(escape.count)
      } else {
        bytes.append(byte)
        rest = rest.dropFirst()
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension MemoryMapping.Permissions {
  /// Parses `rwxp` with `-` for what is missing.
  fileprivate init?(text: ArraySlice<UInt8>) {
    let letters = Array(text)
    guard letters.count == 4 else { return nil }
    self = []
    let wanted: [(UInt8, Self)] = [
      (UInt8(ascii: "r"), .read), (UInt8(ascii: "w"), .write), (UInt8(ascii: "x"), .execute),
    ]
    for (found, (letter, permission)) in zip(letters, wanted) {
      if found == letter {
        insert(permission)
      } else if found != UInt8(ascii: "-") {
        return nil
      }
    }
    switch letters[3] {
    case UInt8(ascii: "s"): insert(.shared)
    case UInt8(ascii: "p"): break
    default: return nil
    }
  }
}
