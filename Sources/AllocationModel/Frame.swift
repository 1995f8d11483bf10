/// One call on a stack, as far as it could be named.
package struct Frame: Hashable, Sendable {
  /// What kind of code runs in a frame.
  package enum Kind: String, Hashable, Sendable {
    case native
  }

  /// Function name, readable once debug information or demanglers were asked; nil where nothing covers the address.
  package var function: String?
  /// File name of the executable or library without its folder; nil outside any mapped file.
  package var module: String?
  /// GNU build id in lower-case hex; nil where the file has none.
  package var buildID: String?
  /// Address in the module's own address space (ELF `p_vaddr`), or the plain address without a
  /// module.
  package var offset: UInt64
  /// Source file, where debug information names it.
  package var file: String?
  /// Line in `file`, ≥ 1.
  package var line: Int?
  /// The compiler merged this call into the frame after it.
  package var isInlined: Bool
  package var kind: Kind

  package init(
    function: String? = nil,
    module: String? = nil,
    buildID: String? = nil,
    offset: UInt64,
    file: String? = nil,
    line: Int? = nil,
    isInlined: Bool = false,
    kind: Kind = .native
  ) {
    self.function = function
    self.module = module
    self.buildID = buildID
    self.offset = offset
    self.file = file
    self.line = line
    self.isInlined = isInlined
    self.kind = kind
  }
}
