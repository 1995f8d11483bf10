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

  init(_ image: ProcessImage, in process: ProcessDirectory?) {
    self.image = image
    self.process = process
  }

  /// Whether a file is mapped at an address, or what lies right behind a file's data, such as copied variables.
  func isStatic(_ address: UInt64) -> Bool {
    guard let index = image.regionIndex(at: address) else { return false }
    if image.regions[index].mapping.isFile { return true }
    guard index > 0, image.regions[index].mapping.path == nil else { return false }
    let before = image.regions[index - 1].mapping
    return before.isFile && before.end == image.regions[index].mapping.start
  }

  func word(at address: UInt64) -> UInt64? { number(at: address, UInt64.self) }

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
