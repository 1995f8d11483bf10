import LinuxSystem
package import Processes

/// One mapping of an image, with its bytes if they were copied.
package struct ImageRegion: Sendable {
  package let mapping: MemoryMapping
  /// Runs of pages that were in memory or swapped; ascending. All else reads as zero.
  package let written: [Range<UInt64>]
  /// Runs of pages that were in memory; ascending.
  package let resident: [Range<UInt64>]
  /// Runs of pages that are the process's own: of a file, those that it has written to. Ascending.
  package let own: [Range<UInt64>]
  /// From the mapping's start; nil where nothing was copied. It may be longer than the mapping.
  let memory: ReservedMemory?

  package var range: Range<UInt64> { mapping.start..<mapping.end }
  package var isCopied: Bool { memory != nil }
  /// Whether only pages that were written to were copied, if any.
  var isPartial: Bool { Self.wantsOwnPages(mapping) }

  /// Private memory that no file stands behind, which a program may write.
  package var isAnonymous: Bool {
    !mapping.isFile && mapping.permissions.isSuperset(of: [.read, .write])
      && !mapping.permissions.contains(.shared)
  }

  /// Whether the program's own bytes may be here: private, and writable; or a file's data that the dynamic linker has
  /// written to before it made it read-only (`PT_GNU_RELRO`).
  static func wantsCopy(_ mapping: MemoryMapping) -> Bool {
    mapping.permissions.isSuperset(of: [.read, .write]) && !mapping.permissions.contains(.shared)
      || wantsOwnPages(mapping)
  }

  /// Whether only those pages are copied that the process has written to.
  static func wantsOwnPages(_ mapping: MemoryMapping) -> Bool {
    mapping.isFile && mapping.permissions == [.read]
  }

  /// What was copied, if anything was. A file's pages that were not touched yet have contents all the same.
  var copiedRuns: [Range<UInt64>] {
    isPartial ? own : mapping.isFile ? [range] : written
  }

  /// Whether the bytes of a range are in the copy, as they were.
  func holds(_ range: Range<UInt64>) -> Bool {
    guard memory != nil, range.upperBound <= mapping.end else { return false }
    guard isPartial else { return true }
    return own.contains { $0.lowerBound <= range.lowerBound && $0.upperBound >= range.upperBound }
  }
}
