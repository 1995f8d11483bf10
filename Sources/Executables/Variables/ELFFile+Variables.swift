import CElfutils

extension ELFFile {
  /// Calls `body` with every variable that `.symtab` and `.dynsym` define; the value of a thread-local one is its offset.
  borrowing func forEachVariable(
    _ body: (_ name: Span<UInt8>, FunctionEntry, _ isThreadLocal: Bool) -> Void
  ) {
    forEachSymbol(of: [STT_OBJECT, STT_COMMON]) { name, entry in body(name, entry, false) }
    forEachSymbol(of: [STT_TLS]) { name, entry in body(name, entry, true) }
  }

  /// The block of thread-local storage that each thread has for this file (`PT_TLS`); nil for none.
  package var threadLocalBlock: ModuleVariables.ThreadLocalBlock? {
    guard let header = handle.programHeaders().first(where: { $0.p_type == UInt32(PT_TLS) }) else {
      return nil
    }
    let alignment = header.p_align
    guard alignment.nonzeroBitCount <= 1, alignment <= 1 << 30, header.p_memsz < 1 << 32 else {
      return nil
    }
    return ModuleVariables.ThreadLocalBlock(
      byteCount: header.p_memsz, alignment: max(1, alignment))
  }
}
