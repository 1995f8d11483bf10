import CZlib

/// Compression by zlib, as fast as it can.
enum Deflate {
  /// The bytes in less room; nil if that is not possible. The corresponding C function is `compress2`.
  static func compressed(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    let room = bytes.count - bytes.count / 16
    let compressed = [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
      var count = uLongf(room)
      let code = compress2(
        buffer.baseAddress, &count, bytes.baseAddress?.assumingMemoryBound(to: Bytef.self),
        uLong(bytes.count), Z_BEST_SPEED)
      filled = code == Z_OK ? Int(count) : 0
    }
    return compressed.isEmpty ? nil : compressed
  }

  /// Fills `target` with what was compressed; false if that is something else. The corresponding C function is
  /// `uncompress`.
  static func expand(
    _ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer
  ) -> Bool {
    var count = uLongf(target.count)
    let code = uncompress(
      target.baseAddress?.assumingMemoryBound(to: Bytef.self), &count,
      bytes.baseAddress?.assumingMemoryBound(to: Bytef.self), uLong(bytes.count))
    return code == Z_OK && count == uLongf(target.count)
  }

  /// CRC-32 of some bytes behind others. The corresponding C function is `crc32`.
  static func checksum(_ bytes: UnsafeRawBufferPointer, behind former: UInt32 = 0) -> UInt32 {
    UInt32(
      truncatingIfNeeded: crc32(
        uLong(former), bytes.baseAddress?.assumingMemoryBound(to: Bytef.self),
        uInt(bytes.count)))
  }
}
