import CElfutils

/// What the dynamic loader puts into a slot of the global offset table.
enum SlotDestination: Hashable, Sendable {
  /// A virtual address in the same module.
  case address(UInt64)
  /// The address of something that the file does not define.
  case symbol(String)
}

extension ELFFile {
  /// Bytes of a section of relocations that are read; Chromium's has some 30 MB.
  private static let relocationByteLimit: UInt64 = 128 << 20
  private static let symbolNameByteLimit = 512

  /// The slots that functions are called through, by virtual address: of `R_X86_64_JUMP_SLOT` and `R_X86_64_GLOB_DAT`
  /// (System V AMD64 ABI, section 4.4.1). That another file may define the same symbol is not considered.
  borrowing func linkedSlots() -> [UInt64: SlotDestination] {
    var slots: [UInt64: SlotDestination] = [:]
    forEachRelocation { relocation, symbols, names in
      guard [R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT].contains(relocation.type) else { return }
      var symbol = GElf_Sym()
      guard let symbols, gelf_getsym(symbols, relocation.symbol, &symbol) != nil else { return }
      if symbol.st_shndx != UInt16(SHN_UNDEF) {
        slots[relocation.address] = .address(symbol.st_value)
      } else if let names, Int(symbol.st_name) < names.count {
        let bytes = names[Int(symbol.st_name)...].prefix(Self.symbolNameByteLimit)
        slots[relocation.address] = .symbol(
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
      }
    }
    return slots
  }

  /// What a pointer is initialised with (`R_X86_64_RELATIVE`), as a virtual address in the module.
  package borrowing func initialPointer(at address: UInt64) -> UInt64? {
    var found: UInt64?
    forEachRelocation { relocation, _, _ in
      if relocation.type == R_X86_64_RELATIVE, relocation.address == address {
        found = UInt64(bitPattern: relocation.addend)
      }
    }
    return found
  }

  private struct Relocation {
    var address: UInt64
    /// `R_X86_64_…` of elf.h.
    var type: Int32
    /// Index into the symbol table.
    var symbol: Int32
    var addend: Int64
  }

  private borrowing func forEachRelocation(
    _ body: (
      Relocation, _ symbols: UnsafeMutablePointer<Elf_Data>?, _ names: UnsafeRawBufferPointer?
    )
      -> Void
  ) {
    guard isX86_64 else { return }
    for section in handle.sectionHeaders() where section.header.sh_type == UInt32(SHT_RELA) {
      guard section.header.sh_flags & UInt64(SHF_ALLOC) != 0,
        let data = handle.data(section, limit: Self.relocationByteLimit)
      else { continue }
      var symbols: UnsafeMutablePointer<Elf_Data>?
      var names: UnsafeRawBufferPointer?
      var table = GElf_Shdr()
      if let link = elf_getscn(handle.elf, Int(section.header.sh_link)),
        gelf_getshdr(link, &table) != nil, table.sh_type == UInt32(SHT_DYNSYM)
      {
        symbols = handle.data((link, table), limit: Self.relocationByteLimit)
        names = elf_getscn(handle.elf, Int(table.sh_link)).flatMap {
          handle.strings($0, limit: Self.relocationByteLimit)
        }
      }
      for index in 0..<Int32(clamping: data.pointee.d_size / MemoryLayout<GElf_Rela>.size) {
        var entry = GElf_Rela()
        guard gelf_getrela(data, index, &entry) != nil else { break }
        body(
          Relocation(
            address: entry.r_offset, type: Int32(truncatingIfNeeded: entry.r_info & 0xffff_ffff),
            symbol: Int32(clamping: entry.r_info >> 32), addend: entry.r_addend),
          symbols, names)
      }
    }
  }
}
