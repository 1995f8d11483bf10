/// A function that an ELF file's symbol table names.
package struct FunctionSymbol: Hashable, Sendable {
  package enum Binding: Hashable, Sendable {
    case global, weak, local
  }

  /// Without a version (`@VER` or `@@VER`).
  package var name: String
  /// Virtual address in the module (`st_value`).
  package var address: UInt64
  /// Bytes; 0 where the table doesn't say.
  package var byteCount: UInt64
  package var binding: Binding
  /// `STT_GNU_IFUNC`: the code at `address` returns the function to call.
  package var isIndirect: Bool
  /// False for a symbol version that only programs linked long ago still use.
  package var isDefaultVersion: Bool
  /// Bytes from the start of the file to the function's first byte: where a uprobe on its entry goes.
  ///
  /// nil where the address isn't loaded from the file.
  package var fileOffset: UInt64?

  package init(
    name: String,
    address: UInt64,
    byteCount: UInt64,
    binding: Binding = .global,
    isIndirect: Bool = false,
    isDefaultVersion: Bool = true,
    fileOffset: UInt64?
  ) {
    self.name = name
    self.address = address
    self.byteCount = byteCount
    self.binding = binding
    self.isIndirect = isIndirect
    self.isDefaultVersion = isDefaultVersion
    self.fileOffset = fileOffset
  }
}
