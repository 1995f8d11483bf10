import AllocationModel
import Processes

/// Reads what an image has and, where pages are those of a mapped file still, the file.
///
/// Used by one thread.
final class StaticMemory {
  /// Files are read in pieces of this size, which are kept.
  private static let pieceByteCount: UInt64 = 1 << 18

  private struct Piece: Hashable {
    var region: Int
    var number: UInt64
  }

  private let image: ProcessImage
  private let process: ProcessDirectory?
  private var pieces: [Piece: [UInt8]] = [:]
  /// Where files are mapped, and what lies right behind a file's data, such as copied variables; ascending.
  private let staticRanges: [Range<UInt64>]

  init(_ image: ProcessImage, in process: ProcessDirectory?) {
    self.image = image
    self.process = process
    var ranges: [Range<UInt64>] = []
    var isBehindFile = false
    for mapping in image.regions.lazy.map(\.mapping) {
      let isAdjacent = ranges.last?.upperBound == mapping.start
      let isStatic = mapping.isFile || mapping.path == nil && isBehindFile && isAdjacent
      isBehindFile = mapping.isFile
      guard isStatic else { continue }
      if isAdjacent, let last = ranges.popLast() {
        ranges.append(last.lowerBound..<mapping.end)
      } else {
        ranges.append(mapping.start..<mapping.end)
      }
    }
    staticRanges = ranges
  }

  /// Whether an address is one of a module, rather than of memory that the program has got.
  func isStatic(_ address: UInt64) -> Bool {
    let low = staticRanges.endOfPrefix { $0.upperBound <= address }
    return low < staticRanges.count && staticRanges[low].lowerBound <= address
  }

  func word(at address: UInt64) -> UInt64? {
    image.word(at: address) ?? number(at: address, UInt64.self)
  }

  /// A number, least significant byte first.
  func number<Number: FixedWidthInteger>(at address: UInt64, _ type: Number.Type) -> Number? {
    guard let bytes = bytes(at: address, count: MemoryLayout<Number>.size) else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  /// A pointer that is stored as a distance from where it stands, with the lowest bit set where it leads to a pointer
  /// (Swift's relative references, docs/ABI/TypeMetadata.rst); nil for none.
  func relative(at address: UInt64) -> UInt64? {
    guard let distance = number(at: address, Int32.self), distance != 0 else { return nil }
    let target = address &+ UInt64(bitPattern: Int64(distance & ~1))
    return distance & 1 == 0 ? target : word(at: target)
  }

  /// Printable text up to a zero byte, at most `limit` bytes; nil for anything else.
  func text(at address: UInt64, limit: Int = 4096) -> String? {
    var text: [UInt8] = []
    var next = address
    while text.count < limit {
      guard let byte = bytes(at: next, count: 1)?.first else { return nil }
      if byte == 0 { return text.isEmpty ? nil : String(validating: text, as: UTF8.self) }
      guard byte >= 0x20, byte != 0x7f else { return nil }
      text.append(byte)
      next += 1
    }
    return nil
  }

  private func bytes(at address: UInt64, count: Int) -> [UInt8]? {
    let (end, isBeyond) = address.addingReportingOverflow(UInt64(count))
    guard !isBeyond, let index = image.regionIndex(at: address) else { return nil }
    let region = image.regions[index]
    guard end <= region.mapping.end else { return nil }
    if region.isCopied {
      let copied = image.withBytes(of: address..<end) { bytes in
        (0..<count).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
      }
      if let copied { return copied }
    }
    guard region.mapping.isFile else { return nil }
    let offset = address - region.mapping.start
    let piece = offset / Self.pieceByteCount
    let start = Int(offset % Self.pieceByteCount)
    guard let first = contents(Piece(region: index, number: piece)) else { return nil }
    if start + count <= first.count { return Array(first[start..<start + count]) }
    guard first.count == Int(Self.pieceByteCount),
      let second = contents(Piece(region: index, number: piece + 1)),
      start + count <= first.count + second.count
    else { return nil }
    return Array(first[start...] + second[..<(start + count - first.count)])
  }

  private func contents(_ piece: Piece) -> [UInt8]? {
    if let known = pieces[piece] { return known }
    let mapping = image.regions[piece.region].mapping
    let start = piece.number * Self.pieceByteCount
    guard start < mapping.byteCount else { return nil }
    let count = min(Self.pieceByteCount, mapping.byteCount - start)
    var bytes: [UInt8] = []
    if let file = try? process?.openFile(of: mapping) {
      bytes = (try? file.read(at: mapping.fileOffset &+ start, count: Int(count))) ?? []
    }
    pieces[piece] = bytes
    return bytes
  }
}
