import CElfutils
import Processes

extension ELFFile {
  /// Bytes of a call frame section that are read; Chromium's has some 30 MB.
  private static let frameByteLimit: UInt64 = 128 << 20

  /// What the file says of its frames; `.eh_frame` comes before `.debug_frame`.
  ///
  /// Without section headers, `.eh_frame` is where `PT_GNU_EH_FRAME` leads.
  borrowing func callFrameSections() -> [CallFrameSection] {
    guard isX86_64, handle.header.e_ident.5 == UInt8(ELFDATA2LSB) else { return [] }
    let sections = handle.namedSections()
    var found: [CallFrameSection] = []
    if let section = sections.first(where: { $0.name == ".eh_frame" }),
      let bytes = bytes(of: section), !bytes.isEmpty
    {
      found.append(
        CallFrameSection(kind: .exceptions, bytes: bytes, address: section.header.sh_addr)
      )
    } else if let frames = framesOfSegment() {
      found.append(frames)
    }
    if let section = sections.first(where: { [".debug_frame", ".zdebug_frame"].contains($0.name) }),
      let bytes = bytes(of: section), !bytes.isEmpty
    {
      found.append(CallFrameSection(kind: .debugging, bytes: bytes, address: 0))
    }
    return found
  }

  /// The bytes of a section, as they were before they were compressed.
  private borrowing func bytes(of section: ELFHandle.NamedSection) -> [UInt8]? {
    let header = section.header
    guard header.sh_type != UInt32(SHT_NOBITS), header.sh_size <= Self.frameByteLimit else {
      return nil
    }
    let isCompressed = header.sh_flags & UInt64(SHF_COMPRESSED) != 0
    guard isCompressed || section.name.hasPrefix(".z") else {
      return try? handle.file.read(at: header.sh_offset, count: Int(header.sh_size))
    }
    // libelf allocates what the compressed bytes claim, so that is looked at first.
    if isCompressed {
      var claimed = GElf_Chdr()
      guard gelf_getchdr(section.section, &claimed) != nil, claimed.ch_size <= Self.frameByteLimit,
        elf_compress(section.section, 0, 0) == 1
      else { return nil }
    } else {
      guard let start = try? handle.file.read(at: header.sh_offset, count: 12),
        start.starts(with: "ZLIB".utf8),
        start.dropFirst(4).reduce(0, { $0 << 8 | UInt64($1) }) <= Self.frameByteLimit,
        elf_compress_gnu(section.section, 0, 0) == 1
      else { return nil }
    }
    guard let data = elf_getdata(section.section, nil), let buffer = data.pointee.d_buf else {
      return nil
    }
    return [UInt8](UnsafeRawBufferPointer(start: buffer, count: data.pointee.d_size))
  }

  /// `.eh_frame` by the pointer at the start of `.eh_frame_hdr` (LSB Core 5.0, 10.6.2); its length is not
  /// written, so it has a terminator, or ends with the segment.
  private borrowing func framesOfSegment() -> CallFrameSection? {
    guard
      let header = handle.programHeaders().first(where: { $0.p_type == UInt32(PT_GNU_EH_FRAME) }),
      let start = try? bytes(at: header.p_vaddr, count: 16)
    else { return nil }
    let span = start.span.bytes
    var cursor = ByteCursor(0..<start.count, of: span)
    guard cursor.byte(span) == 1 else { return nil }
    let encoding = PointerEncoding(rawValue: cursor.byte(span))
    cursor.skip(2)
    guard !cursor.hasFailed,
      let address = encoding.address(
        &cursor,
        span,
        fieldAddress: header.p_vaddr &+ 4,
        dataBase: header.p_vaddr
      ),
      let bytes = try? bytes(at: address, count: Int(Self.frameByteLimit)), !bytes.isEmpty
    else { return nil }
    return CallFrameSection(kind: .exceptions, bytes: bytes, address: address)
  }
}

extension ELFHandle {
  struct NamedSection {
    var name: String
    var section: OpaquePointer
    var header: GElf_Shdr
  }

  /// Bytes of section names; a linker makes a few hundred.
  private static let sectionNameByteLimit: UInt64 = 1 << 20

  borrowing func namedSections() -> [NamedSection] {
    var names = GElf_Shdr()
    guard let section = elf_getscn(elf, Int(header.e_shstrndx)),
      gelf_getshdr(section, &names) != nil, names.sh_size <= Self.sectionNameByteLimit,
      let bytes = try? file.read(at: names.sh_offset, count: Int(names.sh_size))
    else { return [] }
    return sectionHeaders().map { section, header in
      let start = min(Int(header.sh_name), bytes.count)
      // Those that are looked for are shorter.
      let name = bytes[start...].prefix(32).prefix { $0 != 0 }
      return NamedSection(
        name: String(decoding: name, as: UTF8.self),
        section: section,
        header: header
      )
    }
  }
}
