import CElfutils
package import Processes

/// An ELF file, open for reading.
///
/// Any bytes are accepted: what can't be read is absent.
package struct ELFFile: ~Copyable {
  package enum FileType: Hashable, Sendable {
    /// An executable at fixed addresses.
    case executable
    /// A shared library or position-independent executable.
    case shared
    case other
  }

  let handle: ELFHandle
  package let segments: LoadSegments
  /// Path of the dynamic loader (`PT_INTERP`); nil in libraries and static executables.
  package let interpreter: String?
  /// GNU build id in lower-case hex; nil where the file has none.
  package let buildID: String?

  /// Opens an ELF file and reads its headers.
  package init(_ file: consuming RegularFile) throws(ExecutableError) {
    let handle = try ELFHandle.open(file)
    let headers = handle.programHeaders()
    segments = LoadSegments(programHeaders: headers)
    interpreter = handle.interpreter(headers)
    buildID = handle.buildID(headers)
    self.handle = handle
  }

  package init(opening path: String) throws(ExecutableError) {
    let file: RegularFile
    do throws(ProcessError) {
      file = try RegularFile(opening: path)
    } catch {
      throw .unreadable(error)
    }
    try self.init(file)
  }

  package var path: String { handle.file.path }
  package var identity: FileIdentity { handle.file.identity }
  package var is64Bit: Bool { handle.header.e_ident.4 == UInt8(ELFCLASS64) }
  /// `EM_…` of elf.h.
  package var machine: UInt16 { handle.header.e_machine }
  package var isX86_64: Bool { is64Bit && Int32(machine) == EM_X86_64 }

  package var type: FileType {
    switch Int32(handle.header.e_type) {
    case ET_EXEC: .executable
    case ET_DYN: .shared
    default: .other
    }
  }

  /// Reads up to `count` bytes of the segment that a virtual address lies in; fewer at its end, none
  /// where nothing of the file is loaded.
  package borrowing func bytes(at address: UInt64, count: Int) throws(ExecutableError) -> [UInt8] {
    guard let range = segments.fileRange(ofAddress: address) else { return [] }
    do throws(ProcessError) {
      return try handle.file.read(
        at: range.offset,
        count: min(count, Int(clamping: range.byteCount))
      )
    } catch {
      throw .unreadable(error)
    }
  }

  /// The machine code of a function: all of it, or one byte more than is ever searched.
  package borrowing func code(of function: FunctionSymbol) throws(ExecutableError) -> [UInt8] {
    let limit = ProbePointSelector.searchedByteCount + 1
    return try bytes(at: function.address, count: min(Int(clamping: function.byteCount), limit))
  }
}

extension LoadSegments {
  /// More than any linker makes; bounds the search.
  private static let segmentLimit = 1024

  fileprivate init(programHeaders: [GElf_Phdr]) {
    let loaded = programHeaders.filter { $0.p_type == UInt32(PT_LOAD) }
    self.init(
      loaded.prefix(Self.segmentLimit).map { header in
        Segment(
          fileOffset: header.p_offset,
          fileByteCount: header.p_filesz,
          address: header.p_vaddr,
          isExecutable: header.p_flags & UInt32(PF_X) != 0,
          memoryByteCount: header.p_memsz
        )
      }
    )
  }
}
