import CElfutils
import Processes

extension ELFHandle {
  /// Notes are a few hundred bytes; what is larger is not searched for a build id.
  private static let noteByteLimit: UInt64 = 1 << 20
  private static let searchedNoteLimit = 64
  /// SHA-1 has 20 bytes, MD5 and UUID 16; `--build-id=0x…` may be longer.
  private static let buildIDByteLimit = 64

  borrowing func programHeaders() -> [GElf_Phdr] {
    var headers: [GElf_Phdr] = []
    for index in 0..<Int32(header.e_phnum) {
      var header = GElf_Phdr()
      guard gelf_getphdr(elf, index, &header) != nil else { break }
      headers.append(header)
    }
    return headers
  }

  borrowing func sectionHeaders() -> [(section: OpaquePointer, header: GElf_Shdr)] {
    var sections: [(OpaquePointer, GElf_Shdr)] = []
    var current: OpaquePointer?
    while sections.count < Int(UInt16.max), let section = elf_nextscn(elf, current) {
      current = section
      var header = GElf_Shdr()
      if gelf_getshdr(section, &header) != nil { sections.append((section, header)) }
    }
    return sections
  }

  borrowing func interpreter(_ headers: [GElf_Phdr]) -> String? {
    guard let header = headers.first(where: { $0.p_type == UInt32(PT_INTERP) }),
      let bytes = try? file.read(
        at: header.p_offset,
        count: Int(clamping: min(header.p_filesz, 4096))
      ),
      let end = bytes.firstIndex(of: 0)
    else { return nil }
    return String(decoding: bytes[..<end], as: UTF8.self)
  }

  /// Looks into the note segments first, then, for files without program headers, the note sections.
  borrowing func buildID(_ headers: [GElf_Phdr]) -> String? {
    var notes = headers.filter { $0.p_type == UInt32(PT_NOTE) }.map {
      (offset: $0.p_offset, byteCount: $0.p_filesz, alignment: $0.p_align)
    }
    notes += sectionHeaders().filter { $0.header.sh_type == UInt32(SHT_NOTE) }.map {
      (offset: $0.header.sh_offset, byteCount: $0.header.sh_size, alignment: $0.header.sh_addralign)
    }
    for note in notes.prefix(Self.searchedNoteLimit) {
      if let id = buildID(offset: note.offset, byteCount: note.byteCount, note.alignment) {
        return id
      }
    }
    return nil
  }

  private borrowing func buildID(
    offset: UInt64,
    byteCount: UInt64,
    _ alignment: UInt64
  ) -> String? {
    guard byteCount <= Self.noteByteLimit, let offset = Int64(exactly: offset) else { return nil }
    let type = alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR
    guard let data = elf_getdata_rawchunk(elf, offset, Int(byteCount), type),
      let buffer = data.pointee.d_buf
    else { return nil }
    let bytes = UnsafeRawBufferPointer(start: buffer, count: data.pointee.d_size)
    var position = 0
    var header = GElf_Nhdr()
    var nameOffset = 0
    var descriptorOffset = 0
    while true {
      let next = gelf_getnote(data, position, &header, &nameOffset, &descriptorOffset)
      guard next > position else { return nil }
      position = next
      let length = Int(header.n_descsz)
      guard header.n_type == UInt32(NT_GNU_BUILD_ID), header.n_namesz == 4,
        (1...Self.buildIDByteLimit).contains(length),
        nameOffset >= 0, nameOffset + 4 <= bytes.count,
        descriptorOffset >= 0, descriptorOffset + length <= bytes.count,
        bytes[nameOffset..<nameOffset + 4].elementsEqual("GNU\0".utf8)
      else { continue }
      return hexadecimal(bytes[descriptorOffset..<descriptorOffset + length])
    }
  }
}

private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
