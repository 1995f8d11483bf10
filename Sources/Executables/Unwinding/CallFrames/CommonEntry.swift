/// What many functions' frames have in common: a CIE.
struct CommonEntry {
  var codeAlignment: UInt64 = 1
  var dataAlignment: Int64 = 1
  var pointerEncoding = PointerEncoding.absolute
  /// Whether the functions' entries have augmentation data of their own.
  var hasAugmentationData = false
  /// The frames are those that the kernel makes for signal handlers to return to.
  var isSignalFrame = false
  /// What holds at the first instruction of each function.
  var initial = FrameState()
  var areInitialInstructionsValid = true

  /// nil where the functions that it describes could not be found or would be of another machine.
  init?(_ contents: Range<Int>, of section: CallFrameSection, _ bytes: RawSpan) {
    var cursor = ByteCursor(contents, of: bytes)
    let version = cursor.byte(bytes)
    guard version == 1 || version == 3 || version == 4 && section.kind == .debugging,
      let length = cursor.lengthOfString(bytes)
    else { return nil }
    var augmentation = cursor.part(UInt64(length), of: bytes)
    cursor.skip(1)
    if version == 4 {
      // address_size and segment_selector_size.
      guard cursor.byte(bytes) == 8, cursor.byte(bytes) == 0 else { return nil }
    }
    codeAlignment = cursor.unsigned(bytes)
    dataAlignment = cursor.signed(bytes)
    let returnAddress =
      version == 1 ? UInt64(cursor.byte(bytes)) : cursor.unsigned(bytes)
    guard !cursor.hasFailed, returnAddress == DWARFRegister.returnAddress,
      readAugmentation(&augmentation, &cursor, bytes)
    else { return nil }
    var interpreter = FrameInterpreter()
    areInitialInstructionsValid = interpreter.runInitialInstructions(of: &self, cursor, bytes)
  }

  private mutating func readAugmentation(
    _ letters: inout ByteCursor,
    _ cursor: inout ByteCursor,
    _ bytes: RawSpan
  ) -> Bool {
    guard !letters.isAtEnd else { return true }
    guard letters.byte(bytes) == UInt8(ascii: "z") else { return false }
    hasAugmentationData = true
    let length = cursor.unsigned(bytes)
    var data = cursor.part(length, of: bytes)
    while !letters.isAtEnd {
      switch letters.byte(bytes) {
      case UInt8(ascii: "R"): pointerEncoding = PointerEncoding(rawValue: data.byte(bytes))
      case UInt8(ascii: "L"): data.skip(1)
      case UInt8(ascii: "P"):
        let encoding = PointerEncoding(rawValue: data.byte(bytes))
        if !encoding.isOmitted, encoding.number(&data, bytes) == nil { return false }
      case UInt8(ascii: "S"): isSignalFrame = true
      // Pointer authentication, which changes nothing on this machine.
      case UInt8(ascii: "B"), UInt8(ascii: "G"): break
      default: return false
      }
    }
    return !cursor.hasFailed && !data.hasFailed
  }
}
