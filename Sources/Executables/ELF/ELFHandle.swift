import CElfutils
import Processes

/// libelf's view of an open file. `elf_begin(3)`
///
/// libelf reads with `pread` (`ELF_C_READ`), so a file that shrinks meanwhile is an error and not SIGBUS. It
/// trusts the counts of extended numbering with its memory, so such files, which linkers make only of
/// objects with 65280 and more sections, are refused before libelf sees them.
struct ELFHandle: ~Copyable {
  let file: RegularFile
  let elf: OpaquePointer
  let header: GElf_Ehdr

  deinit { elf_end(elf) }

  private init(file: consuming RegularFile, elf: OpaquePointer, header: GElf_Ehdr) {
    self.file = file
    self.elf = elf
    self.header = header
  }

  /// libelf refuses to work before it was told the version of ELF.
  private static let isReady = elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE)

  static func open(_ file: consuming RegularFile) throws(ExecutableError) -> ELFHandle {
    let path = file.path
    try checkIdentification(of: file)
    guard isReady, let elf = elf_begin(file.descriptor, ELF_C_READ, nil) else {
      throw .damaged(path: path, detail: lastMessage())
    }
    var header = GElf_Ehdr()
    guard elf_kind(elf) == ELF_K_ELF, gelf_getehdr(elf, &header) != nil else {
      let detail = lastMessage()
      elf_end(elf)
      throw .damaged(path: path, detail: detail)
    }
    return ELFHandle(file: file, elf: elf, header: header)
  }

  /// Checks the first bytes without libelf (System V gABI, "ELF Header").
  private static func checkIdentification(
    of file: borrowing RegularFile
  ) throws(ExecutableError) {
    let bytes: [UInt8]
    do throws(ProcessError) {
      bytes = try file.read(at: 0, count: 64)
    } catch {
      throw .unreadable(error)
    }
    guard bytes.starts(with: [0x7f, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F")]) else {
      throw .notELF(path: file.path)
    }
    // Offset and width of e_shoff, and offsets of e_phnum and e_shnum; zero and all-ones don't depend on
    // the byte order.
    let is64Bit = bytes.count > 4 && bytes[4] == UInt8(ELFCLASS64)
    let (sections, segmentCount, sectionCount) =
      is64Bit ? (0x28..<0x30, 0x38..<0x3a, 0x3c..<0x3e) : (0x20..<0x24, 0x2c..<0x2e, 0x30..<0x32)
    guard bytes.count >= sectionCount.upperBound else {
      throw .damaged(path: file.path, detail: "its header is cut off")
    }
    let hasSections = bytes[sections].contains { $0 != 0 }
    let hasExtendedNumbering =
      bytes[segmentCount].allSatisfy { $0 == 0xff }
      || hasSections && bytes[sectionCount].allSatisfy { $0 == 0 }
    guard !hasExtendedNumbering else {
      throw .damaged(path: file.path, detail: "it numbers sections or segments beyond 16 bits")
    }
  }

  private static func lastMessage() -> String {
    elf_errmsg(-1).map { String(cString: $0) } ?? "libelf can't read it"
  }
}
