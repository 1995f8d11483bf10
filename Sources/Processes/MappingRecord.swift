/// An executable mapping that a process made, as the kernel recorded it.
package struct MappingRecord: Hashable, Sendable {
  package var pid: Int32
  /// CLOCK_MONOTONIC, nanoseconds.
  package var time: UInt64
  /// `isDeleted` is never set; the path is the process's own.
  package var mapping: MemoryMapping

  package init(pid: Int32, time: UInt64, mapping: MemoryMapping) {
    self.pid = pid
    self.time = time
    self.mapping = mapping
  }
}

extension MappingRecord {
  /// What a record of the kernel's ring says.
  package enum Content: Hashable, Sendable {
    case mapping(MappingRecord)
    /// So many records found no room in the ring.
    case lost(UInt64)
  }

  // perf_event_open(2): types of records, and PERF_RECORD_MISC_MMAP_BUILD_ID.
  private static let mmap2: UInt32 = 10
  private static let lost: UInt32 = 2
  private static let hasBuildID: UInt16 = 1 << 14

  /// Decodes a record that ends with its time; nil for one of another type, or too short.
  ///
  /// Layout (perf_event_open(2), `PERF_RECORD_MMAP2`): header of 8 bytes, pid, tid, address, length, offset in the
  /// file, device, inode, its generation, protection, flags, path ended by NUL, time.
  package static func content(of record: RawSpan) -> Content? {
    func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
      record.unsafeLoadUnaligned(fromByteOffset: offset, as: type)
    }
    guard record.byteCount >= 24 else { return nil }
    switch load(UInt32.self, at: 0) {
    case lost: return .lost(load(UInt64.self, at: 16))
    case mmap2: break
    default: return nil
    }
    let nameStart = 72
    let nameEnd = record.byteCount - 8
    guard nameEnd > nameStart, load(UInt16.self, at: 4) & hasBuildID == 0 else { return nil }
    let start = load(UInt64.self, at: 16)
    let (end, overflow) = start.addingReportingOverflow(load(UInt64.self, at: 24))
    guard !overflow, end > start else { return nil }
    var name: [UInt8] = []
    for offset in nameStart..<nameEnd {
      let byte = load(UInt8.self, at: offset)
      if byte == 0 { break }
      name.append(byte)
    }
    // What is no file is named "//anon", or in brackets.
    let inode = load(UInt64.self, at: 48)
    let path = String(decoding: name, as: UTF8.self)
    var permissions: MemoryMapping.Permissions = [.execute]
    let protection = load(UInt32.self, at: 64)
    if protection & 1 != 0 { permissions.insert(.read) }
    if protection & 2 != 0 { permissions.insert(.write) }
    return .mapping(
      MappingRecord(
        pid: load(Int32.self, at: 8), time: load(UInt64.self, at: nameEnd),
        mapping: MemoryMapping(
          start: start, end: end, permissions: permissions, fileOffset: load(UInt64.self, at: 32),
          deviceMajor: load(UInt32.self, at: 40), deviceMinor: load(UInt32.self, at: 44),
          inode: inode, path: path == "//anon" || path.isEmpty ? nil : path)))
  }
}
