/// What one function's frames are like: an FDE.
struct FrameDescription {
  /// Virtual addresses in the module of the code: start < end.
  var start: UInt64
  var end: UInt64
  /// Where the instructions are in the section.
  var instructionsStart: UInt32
  var instructionsEnd: UInt32
  /// Indices of the common entry and of the section.
  var common: UInt32
  var section: UInt32

  var instructions: Range<Int> { Int(instructionsStart)..<Int(instructionsEnd) }
}

/// All that call frame sections say of the code of one executable.
struct FrameDescriptions {
  /// Descriptions that are kept, 128 MiB; the largest executables known have a tenth of it.
  private static let limit = 4 << 20
  /// Common entries that are kept; linkers leave each once.
  private static let commonLimit = 1 << 18

  private(set) var sections: [CallFrameSection] = []
  private(set) var commons: [CommonEntry] = []
  /// Ascending by start, and none beginning where another does.
  private(set) var descriptions: [FrameDescription] = []
  private let code: [Range<UInt64>]

  /// Reads sections, of which the earlier ones are preferred.
  ///
  /// `code` are the executable parts of memory; functions that begin outside are left out.
  init(_ sections: [CallFrameSection], code: [Range<UInt64>]) {
    self.sections = sections
    self.code = code
    for index in sections.indices { add(section: index) }
    sort()
  }

  private mutating func add(section index: Int) {
    let section = sections[index]
    // Entries may stand before their common part in `.debug_frame`.
    var commonsByOffset: [Int: UInt32] = [:]
    section.forEachEntry { entry, bytes in
      guard entry.commonOffset == nil, commons.count < Self.commonLimit,
        let common = CommonEntry(entry.contents, of: section, bytes)
      else { return }
      commonsByOffset[entry.offset] = UInt32(commons.count)
      commons.append(common)
    }
    // Neighbours mostly share their common part.
    var latest: (offset: Int, index: UInt32?) = (-1, nil)
    section.forEachEntry { entry, bytes in
      guard let offset = entry.commonOffset, descriptions.count < Self.limit else { return }
      if offset != latest.offset { latest = (offset, commonsByOffset[offset]) }
      guard let common = latest.index,
        let description = description(entry.contents, section: index, common: common, bytes)
      else { return }
      descriptions.append(description)
    }
  }

  private func description(
    _ contents: Range<Int>,
    section: Int,
    common: UInt32,
    _ bytes: RawSpan
  ) -> FrameDescription? {
    var cursor = ByteCursor(contents, of: bytes)
    let encoding = commons[Int(common)].pointerEncoding
    let fieldAddress = sections[section].address &+ UInt64(cursor.position)
    guard
      let start = encoding.address(
        &cursor,
        bytes,
        fieldAddress: fieldAddress,
        dataBase: nil
      ),
      let length = encoding.number(&cursor, bytes), length > 0,
      let part = code.first(where: { $0.contains(start) })
    else { return nil }
    if commons[Int(common)].hasAugmentationData { cursor.skip(cursor.unsigned(bytes)) }
    guard !cursor.hasFailed else { return nil }
    return FrameDescription(
      start: start,
      end: start + min(length, part.upperBound - start),
      instructionsStart: UInt32(cursor.position),
      instructionsEnd: UInt32(cursor.end),
      common: common,
      section: UInt32(section)
    )
  }

  /// Orders by address and drops what begins where an earlier description does.
  private mutating func sort() {
    var isSorted = true
    for index in descriptions.indices.dropFirst() {
      isSorted = isSorted && descriptions[index - 1].start < descriptions[index].start
    }
    guard !isSorted else { return }
    descriptions.sort { a, b in
      if a.start != b.start { return a.start < b.start }
      return (a.section, a.instructionsStart) < (b.section, b.instructionsStart)
    }
    var kept = 0
    for index in descriptions.indices {
      if kept > 0, descriptions[kept - 1].start == descriptions[index].start { continue }
      descriptions[kept] = descriptions[index]
      kept += 1
    }
    descriptions.removeLast(descriptions.count - kept)
  }
}
