import LinuxSystem
package import Processes

/// One mapping of an image, with its bytes if they were copied.
package struct ImageRegion: Sendable {
  package let mapping: MemoryMapping
  /// Runs of pages that were in memory or swapped; ascending. All else reads as zero.
  package let written: [Range<UInt64>]
  /// Runs of pages that were in memory; ascending.
  package let resident: [Range<UInt64>]
  /// From the mapping's start; nil where nothing was copied. It may be longer than the mapping.
  let memory: ReservedMemory?

  package var range: Range<UInt64> { mapping.start..<mapping.end }
  package var isCopied: Bool { memory != nil }

  /// Private memory that no file stands behind, which a program may write.
  package var isAnonymous: Bool {
    !mapping.isFile && mapping.permissions.isSuperset(of: [.read, .write])
      && !mapping.permissions.contains(.shared)
  }

  /// Whether the program's own bytes may be here: private, and writable.
  static func wantsCopy(_ mapping: MemoryMapping) -> Bool {
    mapping.permissions.isSuperset(of: [.read, .write]) && !mapping.permissions.contains(.shared)
  }
}
