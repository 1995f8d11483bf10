import AllocationModel

/// What a block without a type of its own looks like.
enum BlockShape {
  /// Bytes at the start of a block by which text and addresses are told.
  private static let sampleByteCount = 1024
  private static let shortestText = 4

  /// - Parameter index: of all blocks.
  static func kind(of contents: RawSpan, _ index: BlockIndex) -> BlockType.Kind {
    if isZero(contents) { return .zero }
    // Bytes of an address may be printable.
    if isPointers(contents, index) { return .pointers }
    if index.block(at: contents.word(at: 0)) == nil, isText(contents) { return .string }
    return .size
  }

  private static func isZero(_ contents: RawSpan) -> Bool {
    var offset = 0
    while offset + 8 <= contents.byteCount {
      guard contents.word(at: offset) == 0 else { return false }
      offset += 8
    }
    return true
  }

  /// Printable UTF-8 up to a zero byte, to the end or, in a long block, in all of the sample.
  private static func isText(_ contents: RawSpan) -> Bool {
    let limit = min(contents.byteCount, sampleByteCount)
    var count = 0
    var isASCII = true
    while count < limit {
      let byte = contents.unsafeLoad(fromByteOffset: count, as: UInt8.self)
      if byte == 0 { break }
      guard byte >= 0x20 && byte != 0x7f || (9...13).contains(byte) else { return false }
      if byte >= 0x80 { isASCII = false }
      count += 1
    }
    guard count >= shortestText else { return false }
    if isASCII { return true }
    let bytes = (0..<count).map { contents.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    // The sample may end within a character.
    return (0..<4).contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil }
  }

  /// At least two words of the sample are addresses in blocks, and all others are zero.
  private static func isPointers(_ contents: RawSpan, _ index: BlockIndex) -> Bool {
    let sample = contents.extracting(first: sampleByteCount)
    guard let count = index.referenceCount(in: sample) else { return false }
    return count >= 2
  }
}
