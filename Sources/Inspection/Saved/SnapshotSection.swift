import Executables

/// One piece of a snapshot file, and how the file is made of them.
///
///     file:     magic, 8 bytes | version, 4 | section … | section of kind 0
///     section:  kind, 4 | bytes of contents, 4 | bytes stored, 4 | CRC-32, 4 | place, 8 | stored bytes
///
/// Numbers are little-endian. Contents are compressed by zlib where fewer bytes are stored than they have. The checksum
/// is that of the other fields and of the stored bytes. The place is the address of a section of memory; of any other
/// its number among all sections, so that none can be missing.
struct SnapshotSection {
  /// What sections of one kind have together; they follow each other in this order.
  enum Kind: UInt32, CaseIterable {
    case end
    case origin
    case regions
    case threads
    case heap
    case blocks
    case freeChunks
    case types
    case typeNumbers
    case modules
    case memory
  }

  static let magic: [UInt8] = [0x89] + Array("HEAP".utf8) + [0x0d, 0x0a, 0x1a]
  /// To be raised when a reader of the former can't read what is written now.
  static let version: UInt32 = 1
  static let fileHeaderByteCount = magic.count + 4
  static let headerByteCount = 24
  /// Of contents; what needs more has several sections.
  static let byteLimit = 1 << 20

  var kind: Kind
  var byteCount: Int
  var storedByteCount: Int
  var checksum: UInt32 = 0
  var place: UInt64

  var isCompressed: Bool { storedByteCount < byteCount }

  static var fileHeader: [UInt8] {
    var writer = PacketWriter()
    for byte in magic { writer.put(byte) }
    writer.put(version)
    return writer.bytes
  }

  func checksum(of stored: UnsafeRawBufferPointer) -> UInt32 {
    let fields = fields(checksum: nil).withUnsafeBytes { Deflate.checksum($0) }
    return Deflate.checksum(stored, behind: fields)
  }
}

extension SnapshotSection {
  var header: [UInt8] { fields(checksum: checksum) }

  /// - Parameter checksum: nil: all other fields, which the checksum begins with.
  private func fields(checksum: UInt32?) -> [UInt8] {
    var writer = PacketWriter()
    writer.put(kind.rawValue)
    writer.put(UInt32(byteCount))
    writer.put(UInt32(storedByteCount))
    if let checksum { writer.put(checksum) }
    writer.put(place)
    return writer.bytes
  }

  /// Nil for bytes that are no header.
  init?(header bytes: [UInt8]) {
    var reader = PacketReader(bytes)
    guard let kind = reader.number(UInt32.self).flatMap(Kind.init(rawValue:)),
      let byteCount = reader.number(UInt32.self), byteCount <= UInt32(Self.byteLimit),
      let storedByteCount = reader.number(UInt32.self), storedByteCount <= byteCount,
      let checksum = reader.number(UInt32.self), let place = reader.number(UInt64.self)
    else { return nil }
    self.kind = kind
    self.byteCount = Int(byteCount)
    self.storedByteCount = Int(storedByteCount)
    self.checksum = checksum
    self.place = place
  }
}
