import AllocationModel
import Executables
import LinuxSystem
import Processes
import Synchronization

/// Reads the sections of a snapshot file; any bytes are accepted, and what is wrong is said.
final class SnapshotReader: Sendable {
  private struct Entry: Sendable {
    var section: SnapshotSection
    /// Of the stored bytes in the file.
    var offset: UInt64
  }

  /// Of all sections of a kind other than memory.
  private static let byteLimit = 4 << 30

  private let file: RegularFile
  private let path: String
  private let entriesByKind: [SnapshotSection.Kind: [Entry]]

  init(opening path: String) throws(SnapshotError) {
    self.path = path
    do throws(ProcessError) {
      file = try RegularFile(opening: path)
    } catch {
      throw SnapshotError(path: path, reason: .unreadable(error.description))
    }
    entriesByKind = try Self.entries(of: file)
    if let end = entriesByKind[.end]?.first { _ = try stored(end) }
  }

  func damaged(_ what: String) -> SnapshotError {
    SnapshotError(path: path, reason: .damaged(what))
  }

  private static func read(
    _ file: borrowing RegularFile, _ offset: UInt64, _ count: Int
  ) throws(SnapshotError) -> [UInt8] {
    let bytes: [UInt8]
    do throws(ProcessError) {
      bytes = try file.read(at: offset, count: count)
    } catch {
      throw SnapshotError(path: file.path, reason: .unreadable(error.description))
    }
    guard bytes.count == count else {
      throw SnapshotError(path: file.path, reason: .damaged("it ends too early"))
    }
    return bytes
  }

  private static func entries(
    of file: borrowing RegularFile
  ) throws(SnapshotError) -> [SnapshotSection.Kind: [Entry]] {
    let path = file.path
    func damaged(_ what: String) -> SnapshotError {
      SnapshotError(path: path, reason: .damaged(what))
    }
    guard file.identity.byteCount >= SnapshotSection.fileHeaderByteCount,
      case let start = try read(file, 0, SnapshotSection.fileHeaderByteCount),
      Array(start.prefix(SnapshotSection.magic.count)) == SnapshotSection.magic
    else { throw SnapshotError(path: path, reason: .foreign) }
    var reader = PacketReader(Array(start.dropFirst(SnapshotSection.magic.count)))
    let version = reader.number(UInt32.self) ?? 0
    guard version == SnapshotSection.version else {
      throw SnapshotError(path: path, reason: .version(version))
    }
    var entriesByKind: [SnapshotSection.Kind: [Entry]] = [:]
    var offset = UInt64(start.count)
    var number: UInt64 = 0
    var nextAddress: UInt64 = 0
    while true {
      guard
        let section = SnapshotSection(
          header: try read(file, offset, SnapshotSection.headerByteCount))
      else { throw damaged("a section of it is none") }
      offset += UInt64(SnapshotSection.headerByteCount)
      if section.kind == .memory {
        // Sections that overlap would be written to by two threads.
        let (end, isBeyond) = section.place.addingReportingOverflow(UInt64(section.byteCount))
        guard section.place >= nextAddress, !isBeyond, section.byteCount > 0 else {
          throw damaged("its memory is not in order")
        }
        nextAddress = end
      } else if section.place != number {
        throw damaged("a section of it is missing")
      }
      let entry = Entry(section: section, offset: offset)
      entriesByKind[section.kind, default: []].append(entry)
      offset += UInt64(section.storedByteCount)
      number += 1
      guard section.kind != .end else { break }
    }
    guard offset == UInt64(file.identity.byteCount) else {
      throw damaged("there is something behind its end")
    }
    return entriesByKind
  }

  /// The stored bytes of a section, checked.
  private func stored(_ entry: Entry) throws(SnapshotError) -> [UInt8] {
    let bytes = try Self.read(file, entry.offset, entry.section.storedByteCount)
    guard bytes.withUnsafeBytes({ entry.section.checksum(of: $0) }) == entry.section.checksum
    else { throw damaged("a checksum of it is wrong") }
    return bytes
  }

  private func expand(
    _ entry: Entry, to target: UnsafeMutableRawBufferPointer
  ) throws(SnapshotError) {
    let isWhole = try stored(entry).withUnsafeBytes { bytes in
      guard entry.section.isCompressed else {
        target.copyMemory(from: bytes)
        return true
      }
      return Deflate.expand(bytes, to: target)
    }
    guard isWhole else { throw damaged("a section of it can't be expanded") }
  }

  /// All that sections of one kind have together.
  func contents(of kind: SnapshotSection.Kind) throws(SnapshotError) -> PacketReader {
    guard let entries = entriesByKind[kind] else {
      throw damaged("a part of it is missing")
    }
    let byteCount = entries.reduce(0) { $0 + $1.section.byteCount }
    guard byteCount <= Self.byteLimit else { throw damaged("a part of it is too large") }
    var failure: SnapshotError?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
      for entry in entries {
        do throws(SnapshotError) {
          let count = entry.section.byteCount
          try expand(
            entry,
            to: UnsafeMutableRawBufferPointer(
              rebasing: UnsafeMutableRawBufferPointer(buffer)[filled..<filled + count]))
          filled += count
        } catch {
          failure = error
          return
        }
      }
    }
    if let failure { throw failure }
    return PacketReader(bytes)
  }

  /// Fills the copied memory of regions, which are ascending by address.
  func fillMemory(of regions: [ImageRegion]) throws(SnapshotError) {
    let entries = entriesByKind[.memory] ?? []
    let failure = Mutex<SnapshotError?>(nil)
    _ = SharedWork.results(count: entries.count) { number in
      guard failure.withLock({ $0 == nil }) else { return }
      do throws(SnapshotError) {
        try fill(entries[number], regions)
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  private func fill(_ entry: Entry, _ regions: [ImageRegion]) throws(SnapshotError) {
    let start = entry.section.place
    let index = regions.endOfPrefix { $0.mapping.end <= start }
    guard index < regions.count, regions[index].mapping.start <= start,
      regions[index].mapping.end - start >= UInt64(entry.section.byteCount),
      let memory = regions[index].memory
    else { throw damaged("it has memory where nothing was mapped") }
    let offset = Int(start - regions[index].mapping.start)
    let result = memory.write(to: offset..<offset + entry.section.byteCount) { target in
      Result { () throws(SnapshotError) in try expand(entry, to: target) }
    }
    try result.get()
  }
}
