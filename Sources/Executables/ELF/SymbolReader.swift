import CElfutils
import Glibc

extension ELFHandle {
  /// A section's contents in this machine's byte order; nil where they are absent, compressed or too many.
  borrowing func data(
    _ section: (section: OpaquePointer, header: GElf_Shdr),
    limit: UInt64
  ) -> UnsafeMutablePointer<Elf_Data>? {
    let header = section.header
    guard header.sh_size <= limit, header.sh_type != UInt32(SHT_NOBITS),
      header.sh_flags & UInt64(SHF_COMPRESSED) == 0,
      let data = elf_getdata(section.section, nil), data.pointee.d_buf != nil
    else { return nil }
    return data
  }

  borrowing func strings(_ section: OpaquePointer, limit: UInt64) -> UnsafeRawBufferPointer? {
    var header = GElf_Shdr()
    guard gelf_getshdr(section, &header) != nil, header.sh_type == UInt32(SHT_STRTAB),
      let data = data((section, header), limit: limit)
    else { return nil }
    return UnsafeRawBufferPointer(start: data.pointee.d_buf, count: data.pointee.d_size)
  }
}

/// Walks one symbol table.
///
/// The buffers belong to the ELF handle and are valid as long as it is.
struct SymbolReader {
  let symbols: UnsafeMutablePointer<Elf_Data>
  let names: UnsafeRawBufferPointer
  /// `.gnu.version`, parallel to the symbols.
  let versions: UnsafeMutablePointer<Elf_Data>?
  /// Kinds of symbols that are read: `STT_…`.
  var types: Set<Int32> = [STT_FUNC, STT_GNU_IFUNC]

  /// `VERSYM_HIDDEN` of the GNU symbol versioning specification.
  private static let hiddenVersion: GElf_Versym = 0x8000

  func forEachFunction(
    entryByteCount: Int,
    nameByteLimit: Int,
    totalNameByteLimit: Int,
    _ body: (_ name: Span<UInt8>, ELFFile.FunctionEntry) -> Void
  ) {
    guard entryByteCount > 0 else { return }
    var nameBytesLeft = totalNameByteLimit
    for index in 0..<Int32(clamping: symbols.pointee.d_size / entryByteCount) {
      var symbol = GElf_Sym()
      guard gelf_getsym(symbols, index, &symbol) != nil else { return }
      guard var entry = entry(symbol, index: index),
        let (name, isOldVersion) = name(at: Int(symbol.st_name), limit: nameByteLimit)
      else { continue }
      if isOldVersion { entry.isDefaultVersion = false }
      nameBytesLeft -= name.count
      guard nameBytesLeft >= 0 else { return }
      body(name.bindMemory(to: UInt8.self).span, entry)
    }
  }

  /// nil for what is no function of this file, or whatever `types` says.
  private func entry(_ symbol: GElf_Sym, index: Int32) -> ELFFile.FunctionEntry? {
    let type = Int32(symbol.st_info & 0xf)
    // The first thread-local variable has offset 0; all else that has no value is no address.
    guard types.contains(type), symbol.st_value != 0 || type == STT_TLS,
      symbol.st_shndx != UInt16(SHN_UNDEF)
    else { return nil }
    var version: GElf_Versym = 0
    if let versions { _ = gelf_getversym(versions, index, &version) }
    return ELFFile.FunctionEntry(
      address: symbol.st_value,
      byteCount: symbol.st_size,
      binding: FunctionSymbol.Binding(symbolInformation: symbol.st_info),
      isIndirect: type == STT_GNU_IFUNC,
      isDefaultVersion: version & Self.hiddenVersion == 0
    )
  }

  /// A name without its version; nil where it is empty, too long or not ended within the table.
  ///
  /// `.symtab` writes versions into names: `name@@VER` is what programs are linked with today,
  /// `name@VER` an old one.
  private func name(
    at offset: Int,
    limit: Int
  ) -> (name: UnsafeRawBufferPointer, isOldVersion: Bool)? {
    guard offset < names.count else { return nil }
    let reach = UnsafeRawBufferPointer(rebasing: names[offset...].prefix(limit))
    guard let base = reach.baseAddress, let end = memchr(base, 0, reach.count) else { return nil }
    let name = UnsafeRawBufferPointer(rebasing: reach[..<(UnsafeRawPointer(end) - base)])
    guard !name.isEmpty else { return nil }
    guard let found = memchr(base, Int32(UInt8(ascii: "@")), name.count) else {
      return (name, false)
    }
    let at = UnsafeRawPointer(found) - base
    guard at > 0 else { return (name, false) }
    let isOldVersion = at + 1 == name.count || name[at + 1] != UInt8(ascii: "@")
    return (UnsafeRawBufferPointer(rebasing: name[..<at]), isOldVersion)
  }
}

extension FunctionSymbol.Binding {
  /// From `st_info`.
  init(symbolInformation: UInt8) {
    self =
      switch Int32(symbolInformation >> 4) {
      case STB_LOCAL: .local
      case STB_WEAK: .weak
      default: .global
      }
  }
}
