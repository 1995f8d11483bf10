/// One line of `/proc/PID/maps`: an address range and what is mapped there.
package struct MemoryMapping: Hashable, Sendable {
  package struct Permissions: OptionSet, Hashable, Sendable {
    package var rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let read = Self(rawValue: 1 << 0)
    package static let write = Self(rawValue: 1 << 1)
    package static let execute = Self(rawValue: 1 << 2)
    package static let shared = Self(rawValue: 1 << 3)
  }

  /// First address.
  package var start: UInt64
  /// Address behind the last one, > `start`.
  package var end: UInt64
  package var permissions: Permissions
  /// Bytes from the start of the file to what is mapped at `start`.
  package var fileOffset: UInt64
  package var deviceMajor: UInt32
  package var deviceMinor: UInt32
  /// 0 where no file is mapped.
  package var inode: UInt64
  /// A path in the process's own mount namespace, or a name in brackets such as `[heap]`; nil for
  /// unnamed anonymous memory.
  ///
  /// Bytes that are not UTF-8 are replaced, so such a path can't be opened.
  package var path: String?
  /// The file was unlinked: the kernel appended " (deleted)", which `path` does not repeat.
  package var isDeleted: Bool

  package init(
    start: UInt64,
    end: UInt64,
    permissions: Permissions = [.read],
    fileOffset: UInt64 = 0,
    deviceMajor: UInt32 = 0,
    deviceMinor: UInt32 = 0,
    inode: UInt64 = 0,
    path: String? = nil,
    isDeleted: Bool = false
  ) {
    self.start = start
    self.end = end
    self.permissions = permissions
    self.fileOffset = fileOffset
    self.deviceMajor = deviceMajor
    self.deviceMinor = deviceMinor
    self.inode = inode
    self.path = path
    self.isDeleted = isDeleted
  }

  /// Bytes, > 0.
  package var byteCount: UInt64 { end &- start }
  package var isFile: Bool { inode != 0 }
  /// The memory that `brk(2)` moves the end of.
  package var isHeap: Bool { inode == 0 && path == "[heap]" }

  package func contains(_ address: UInt64) -> Bool { address >= start && address < end }
}

extension Sequence<MemoryMapping> {
  /// Bytes of the heap that `brk(2)` grows; 0 for a process that never called it.
  package var heapByteCount: UInt64 {
    reduce(0) { $1.isHeap ? $0 &+ $1.byteCount : $0 }
  }
}
