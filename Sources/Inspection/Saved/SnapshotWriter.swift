import LinuxSystem
import SystemPackage

/// Writes a snapshot file, section by section; several are compressed at once.
struct SnapshotWriter: ~Copyable {
  /// Contents of a section, empty for none, and its place where it has one.
  typealias Contents = (place: UInt64?, bytes: [UInt8])

  /// Sections that are in memory together.
  private static let batchCount = 16

  private var file: ReplacedFile
  private var sectionCount: UInt64 = 0
  /// Of the file until now.
  private var byteCount = UInt64(SnapshotSection.fileHeaderByteCount)

  init(_ file: consuming ReplacedFile) throws(Errno) {
    try file.write(SnapshotSection.fileHeader.span.bytes)
    self.file = file
  }

  /// Writes bytes in as many sections as they need, at least one.
  mutating func write(_ kind: SnapshotSection.Kind, _ bytes: [UInt8]) throws(Errno) {
    let limit = SnapshotSection.byteLimit
    try write(kind, count: max(1, (bytes.count + limit - 1) / limit)) { number in
      (nil, Array(bytes[number * limit..<min((number + 1) * limit, bytes.count)]))
    }
  }

  /// Writes sections in their order.
  ///
  /// - Parameter contents: called on several threads.
  mutating func write(
    _ kind: SnapshotSection.Kind, count: Int, _ contents: @Sendable (Int) -> Contents
  ) throws(Errno) {
    for start in stride(from: 0, to: count, by: Self.batchCount) {
      let batch = start..<min(count, start + Self.batchCount)
      for (section, bytes) in Self.stored(kind, batch, contents) {
        try write(section, bytes)
      }
    }
  }

  private mutating func write(_ section: SnapshotSection, _ bytes: [UInt8]) throws(Errno) {
    var section = section
    if section.kind != .memory { section.place = sectionCount }
    section.checksum = bytes.withUnsafeBytes { section.checksum(of: $0) }
    sectionCount += 1
    byteCount += UInt64(SnapshotSection.headerByteCount + bytes.count)
    try file.write(section.header.span.bytes)
    try file.write(bytes.span.bytes)
  }

  private static func stored(
    _ kind: SnapshotSection.Kind, _ batch: Range<Int>, _ contents: @Sendable (Int) -> Contents
  ) -> [(SnapshotSection, [UInt8])] {
    let sections = SharedWork.results(count: batch.count) {
      number -> (SnapshotSection, [UInt8])? in
      let (place, bytes) = contents(batch.lowerBound + number)
      if bytes.isEmpty, kind == .memory { return nil }
      let stored = bytes.withUnsafeBytes { Deflate.compressed($0) } ?? bytes
      let section = SnapshotSection(
        kind: kind, byteCount: bytes.count, storedByteCount: stored.count, place: place ?? 0)
      return (section, stored)
    }
    return sections.compactMap { $0 }
  }

  /// Ends the file and gives it its name: how many bytes it has.
  consuming func complete() throws(Errno) -> UInt64 {
    try write(SnapshotSection(kind: .end, byteCount: 0, storedByteCount: 0, place: 0), [])
    try file.complete()
    return byteCount
  }
}
