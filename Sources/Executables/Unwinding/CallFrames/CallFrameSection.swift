/// The bytes of `.eh_frame` or `.debug_frame`.
struct CallFrameSection {
  /// Which of the two, as they differ in how entries are told apart and in how addresses are written.
  enum Kind {
    /// LSB Core 5.0, 10.6.1.
    case exceptions
    /// DWARF 5, 6.4.1.
    case debugging
  }

  let kind: Kind
  let bytes: [UInt8]
  /// Virtual address of the first byte.
  let address: UInt64
}

extension CallFrameSection {
  /// One entry, as far as its first fields tell.
  struct Entry {
    /// Bytes from the start of the section to the entry.
    var offset: Int
    /// Where the entry's common part begins; nil: it is one itself.
    var commonOffset: Int?
    /// What follows the identifier.
    var contents: Range<Int>
  }

  /// Calls `body` with every entry in the order of the section, and stops where the lengths make no sense.
  func forEachEntry(_ body: (Entry, RawSpan) -> Void) {
    let span = bytes.span.bytes
    var cursor = ByteCursor(0..<bytes.count, of: span)
    while !cursor.isAtEnd {
      let start = cursor.position
      let shortLength = cursor.fixed(UInt32.self, span)
      let isLong = shortLength == .max
      let length = isLong ? cursor.fixed(UInt64.self, span) : UInt64(shortLength)
      // Zero ends one object file's entries; another's may follow.
      if length == 0, !cursor.hasFailed { continue }
      var contents = cursor.part(length, of: span)
      guard !cursor.hasFailed else { return }
      let identifierOffset = contents.position
      // In `.eh_frame` it has 4 bytes, whatever the length has.
      let isWide = isLong && kind == .debugging
      let identifier =
        isWide ? contents.fixed(UInt64.self, span) : UInt64(contents.fixed(UInt32.self, span))
      guard !contents.hasFailed else { continue }
      let entry = Entry(
        offset: start,
        commonOffset: commonOffset(identifier, at: identifierOffset, isWide: isWide),
        contents: contents.position..<contents.end
      )
      body(entry, span)
    }
  }

  private func commonOffset(_ identifier: UInt64, at offset: Int, isWide: Bool) -> Int? {
    switch kind {
    case .exceptions: identifier == 0 ? nil : offset &- Int(truncatingIfNeeded: identifier)
    case .debugging:
      identifier == (isWide ? .max : 0xffff_ffff) ? nil : Int(truncatingIfNeeded: identifier)
    }
  }
}
