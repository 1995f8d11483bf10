/// Writes the smallest ELF file, little-endian, that shows a case.
///
/// Every field can be made to lie.
package struct ELFBuilder {
  package struct Symbol {
    package var name: String
    package var value: UInt64
    package var size: UInt64
    /// `STB_…` of elf.h.
    package var binding: UInt8
    /// `STT_…` of elf.h.
    package var type: UInt8
    /// 0 is `SHN_UNDEF`.
    package var section: UInt16
    /// Entry in `.gnu.version`; bit 15 hides the symbol from new programs.
    package var version: UInt16

    package init(
      _ name: String,
      at value: UInt64,
      size: UInt64 = 16,
      binding: UInt8 = 1,
      type: UInt8 = 2,
      section: UInt16 = 1,
      version: UInt16 = 1
    ) {
      self.name = name
      self.value = value
      self.size = size
      self.binding = binding
      self.type = type
      self.section = section
      self.version = version
    }
  }

  private struct Part {
    var name = ""
    var type: UInt32
    var flags: UInt32 = 0
    var address: UInt64 = 0
    var bytes: [UInt8]
    var link: UInt32 = 0
    var entryByteCount: UInt64 = 0
    var alignment: UInt64 = 1
    var segmentType: UInt32?
  }

  package var is64Bit = true
  /// `ET_…`: 2 executable, 3 shared.
  package var type: UInt16 = 3
  /// `EM_…`: 62 is x86-64.
  package var machine: UInt16 = 62
  /// Contents and virtual address of the one executable segment.
  package var code: [UInt8] = Array(repeating: 0x90, count: 64)
  package var codeAddress: UInt64 = 0x1000
  package var buildID: [UInt8] = []
  package var interpreter: String?
  package var symbols: [Symbol] = []
  package var dynamicSymbols: [Symbol] = []
  package var hasSections = true
  package var hasProgramHeaders = true
  /// Replaces `sh_link` of the symbol tables.
  package var symbolLink: UInt32?
  /// Replaces `sh_size` of the symbol tables.
  package var symbolTableByteCount: UInt64?

  /// `.eh_frame`, loaded at `framesAddress`, and `.debug_frame`; sections have names where there are any.
  package var frames: [UInt8] = []
  package var framesAddress: UInt64 = 0x8000
  package var debugFrames: [UInt8] = []
  package var debugFramesName = ".debug_frame"
  /// `SHF_…` of `.debug_frame`: 0x800 is `SHF_COMPRESSED`.
  package var debugFramesFlags: UInt64 = 0
  /// `.eh_frame_hdr` at `framesAddress` - 16, and `PT_GNU_EH_FRAME` that leads to it.
  package var hasFrameHeader = false
  /// Tags, `DT_…` of elf.h, and values of the dynamic section; nothing is added.
  package var dynamic: [(tag: UInt64, value: UInt64)] = []
  /// Replaces `e_entry`, which is `codeAddress`.
  package var entry: UInt64?

  package init() {}

  package func build() -> [UInt8] {
    let parts = self.parts
    var out = Writer(is64Bit: is64Bit)
    let headerByteCount = is64Bit ? 64 : 52
    let programByteCount = is64Bit ? 56 : 32
    let segments = hasProgramHeaders ? parts.filter { $0.segmentType != nil } : []
    var offset = headerByteCount + segments.count * programByteCount
    var offsets: [Int] = []
    for part in parts {
      offset = (offset + 7) / 8 * 8
      offsets.append(offset)
      offset += part.bytes.count
    }
    let sectionOffset = (offset + 7) / 8 * 8

    out.bytes = [0x7f, 0x45, 0x4c, 0x46, is64Bit ? 2 : 1, 1, 1] + Array(repeating: 0, count: 9)
    out.half(type)
    out.half(machine)
    out.word(1)
    out.address(entry ?? codeAddress)
    out.address(segments.isEmpty ? 0 : UInt64(headerByteCount))
    out.address(hasSections ? UInt64(sectionOffset) : 0)
    out.word(0)
    out.half(UInt16(headerByteCount))
    out.half(UInt16(programByteCount))
    out.half(UInt16(segments.count))
    out.half(is64Bit ? 64 : 40)
    out.half(hasSections ? UInt16(parts.count + 1) : 0)
    out.half(hasSections && hasNames ? UInt16(parts.count) : 0)
    for (part, offset) in zip(parts, offsets) {
      guard hasProgramHeaders, let segmentType = part.segmentType else { continue }
      out.programHeader(type: segmentType, part.flags, offset, part.address, part.bytes.count)
    }
    for (part, offset) in zip(parts, offsets) {
      out.pad(to: offset)
      out.bytes += part.bytes
    }
    guard hasSections else { return out.bytes }
    out.pad(to: sectionOffset)
    out.bytes += Array(repeating: 0, count: is64Bit ? 64 : 40)
    var nameOffset: UInt32 = 1
    for (part, offset) in zip(parts, offsets) {
      defer { nameOffset += part.name.isEmpty ? 0 : UInt32(part.name.utf8.count + 1) }
      let isTable = part.type == 2 || part.type == 11
      out.sectionHeader(
        name: part.name.isEmpty ? 0 : nameOffset,
        type: part.type,
        flags: part.name == debugFramesName ? debugFramesFlags : 0,
        part.address,
        offset,
        isTable ? symbolTableByteCount ?? UInt64(part.bytes.count) : UInt64(part.bytes.count),
        link: isTable ? symbolLink ?? part.link : part.link,
        part.alignment,
        part.entryByteCount
      )
    }
    return out.bytes
  }

  /// Section 1 is the code, 2 and 3 `.strtab` and `.symtab`, 4 to 6 `.dynstr`, `.dynsym`, `.gnu.version`.
  private var parts: [Part] {
    let (names, table) = symbolTable(symbols)
    let (dynamicNames, dynamicTable) = symbolTable(dynamicSymbols)
    let entryByteCount: UInt64 = is64Bit ? 24 : 16
    var versions = Writer(is64Bit: is64Bit)
    versions.half(0)
    for symbol in dynamicSymbols { versions.half(symbol.version) }
    var parts = [
      // PT_LOAD with PF_R and PF_X; SHT_PROGBITS.
      Part(type: 1, flags: 5, address: codeAddress, bytes: code, segmentType: 1),
      Part(type: 3, bytes: names),
      Part(type: 2, bytes: table, link: 2, entryByteCount: entryByteCount, alignment: 8),
      Part(type: 3, bytes: dynamicNames),
      Part(type: 11, bytes: dynamicTable, link: 4, entryByteCount: entryByteCount, alignment: 8),
      Part(type: 0x6fff_ffff, bytes: versions.bytes, link: 5, entryByteCount: 2, alignment: 2),
    ]
    if !buildID.isEmpty {
      var note = Writer(is64Bit: is64Bit)
      note.word(4)
      note.word(UInt32(buildID.count))
      note.word(3)
      note.bytes += Array("GNU\0".utf8) + buildID
      note.pad(to: (note.bytes.count + 3) / 4 * 4)
      parts.append(Part(type: 7, flags: 4, bytes: note.bytes, alignment: 4, segmentType: 4))
    }
    if let interpreter {
      parts.append(
        Part(type: 1, flags: 4, bytes: Array(interpreter.utf8) + [0], segmentType: 3)
      )
    }
    if !dynamic.isEmpty {
      var entries = Writer(is64Bit: is64Bit)
      for entry in dynamic {
        entries.address(entry.tag)
        entries.address(entry.value)
      }
      // Type and segment type `SHT_DYNAMIC` and `PT_DYNAMIC`.
      parts.append(Part(type: 6, flags: 6, bytes: entries.bytes, alignment: 8, segmentType: 2))
    }
    parts += frameParts
    if hasNames {
      var names: [UInt8] = [0]
      for part in parts where !part.name.isEmpty { names += Array(part.name.utf8) + [0] }
      parts.append(Part(type: 3, bytes: names))
    }
    return parts
  }

  private var hasNames: Bool { !frames.isEmpty || !debugFrames.isEmpty }

  private var frameParts: [Part] {
    var parts: [Part] = []
    if !frames.isEmpty {
      parts.append(
        Part(
          name: ".eh_frame",
          type: 1,
          flags: 4,
          address: framesAddress,
          bytes: frames,
          segmentType: 1
        )
      )
    }
    if hasFrameHeader {
      // Version 1; the pointer is relative to itself, signed, 4 bytes; no count and no table.
      let header: [UInt8] = [1, 0x1b, 0xff, 0xff, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      let address = framesAddress - 16
      for segmentType: UInt32 in [1, 0x6474_e550] {
        parts.append(
          Part(type: 1, flags: 4, address: address, bytes: header, segmentType: segmentType)
        )
      }
    }
    if !debugFrames.isEmpty {
      parts.append(Part(name: debugFramesName, type: 1, bytes: debugFrames))
    }
    return parts
  }

  private func symbolTable(_ symbols: [Symbol]) -> (names: [UInt8], table: [UInt8]) {
    var names: [UInt8] = [0]
    var table = Writer(is64Bit: is64Bit)
    table.bytes = Array(repeating: 0, count: is64Bit ? 24 : 16)
    for symbol in symbols {
      let information = symbol.binding << 4 | symbol.type
      table.word(UInt32(names.count))
      if is64Bit {
        table.bytes += [information, 0]
        table.half(symbol.section)
        table.address(symbol.value)
        table.address(symbol.size)
      } else {
        table.address(symbol.value)
        table.address(symbol.size)
        table.bytes += [information, 0]
        table.half(symbol.section)
      }
      names += Array(symbol.name.utf8) + [0]
    }
    return (names, table.bytes)
  }
}

private struct Writer {
  let is64Bit: Bool
  var bytes: [UInt8] = []

  mutating func half(_ value: UInt16) { put(value) }
  mutating func word(_ value: UInt32) { put(value) }
  mutating func address(_ value: UInt64) {
    if is64Bit { put(value) } else { put(UInt32(truncatingIfNeeded: value)) }
  }
  mutating func pad(to count: Int) {
    bytes += repeatElement(0, count: max(count - bytes.count, 0))
  }

  mutating func programHeader(
    type: UInt32,
    _ flags: UInt32,
    _ offset: Int,
    _ location: UInt64,
    _ byteCount: Int
  ) {
    word(type)
    if is64Bit { word(flags) }
    address(UInt64(offset))
    address(location)
    address(location)
    address(UInt64(byteCount))
    address(UInt64(byteCount))
    if !is64Bit { word(flags) }
    address(4)
  }

  mutating func sectionHeader(
    name: UInt32,
    type: UInt32,
    flags: UInt64,
    _ location: UInt64,
    _ offset: Int,
    _ byteCount: UInt64,
    link: UInt32,
    _ alignment: UInt64,
    _ entryByteCount: UInt64
  ) {
    word(name)
    word(type)
    address(flags)
    address(location)
    address(UInt64(offset))
    address(byteCount)
    word(link)
    word(0)
    address(alignment)
    address(entryByteCount)
  }

  private mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
}
