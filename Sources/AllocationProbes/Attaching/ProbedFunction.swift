import ProbeABI

/// One allocator function and what a call of it does: a row of `AllocatorFamily`.
package struct ProbedFunction: Hashable, Sendable {
  /// How the end of a call is seen.
  package enum Return: Hashable, Sendable {
    /// Not at all: it says nothing.
    case ignored
    /// By a return probe at the entry.
    case probed
    /// By probes on its `ret` instructions, as an exception can't pass a return probe.
    case byInstruction
  }

  /// Traits of a call beside its kind: `enum call_trait` of the ABI.
  struct Traits: OptionSet, Hashable {
    var rawValue: UInt32

    static let onHeap = Self(rawValue: CALL_ON_HEAP.rawValue)
    static let freesOnFailure = Self(rawValue: CALL_FREES_ON_FAILURE.rawValue)
    static let mayThrow = Self(rawValue: CALL_MAY_THROW.rawValue)
  }

  package var name: String
  /// `enum call_kind` of the ABI.
  package var kind: UInt32
  private let traits: Traits
  /// Whether it is one of those by which programs obtain and give back most of their blocks.
  package let isUsual: Bool

  init(_ name: String, _ kind: call_kind, _ traits: Traits = []) {
    self.name = name
    self.kind = kind.rawValue
    self.traits = traits
    isUsual = Self.usual.contains(name)
  }

  /// Their names; a prefix is added later (`named`).
  private static let usual: Set = [
    "malloc", "free", "_Znwm", "_ZdlPv", "_ZdlPvm", "tc_new", "tc_delete", "tc_delete_sized",
    "mi_malloc", "mi_free", "mi_new",
  ]

  /// The attach cookie of its probes.
  package var cookie: UInt64 { UInt64(kind | traits.rawValue) }

  package var `return`: Return {
    if Self.withoutReturn.contains(kind) { return .ignored }
    return traits.contains(.mayThrow) ? .byInstruction : .probed
  }

  /// How many arguments, from the first on, the kernel programs look at.
  var argumentCount: Int {
    let own =
      switch call_kind(kind) {
      case CALL_FREE, CALL_MALLOC, CALL_STRING: 1
      case CALL_CALLOC, CALL_REALLOC, CALL_MEMALIGN, CALL_MUNMAP: 2
      case CALL_REALLOCARRAY, CALL_POSIX_MEMALIGN, CALL_RESIZE: 3
      case CALL_MMAP, CALL_MREMAP: 4
      default: 0
      }
    return traits.contains(.onHeap) ? own + 1 : own
  }

  /// Whether it changes mappings, and obtains no block.
  var isMapping: Bool { Self.mappings.contains(kind) }

  private static let mappings = [
    CALL_MMAP.rawValue, CALL_MUNMAP.rawValue, CALL_MREMAP.rawValue, CALL_BRK.rawValue,
  ]

  package var isFree: Bool { kind == CALL_FREE.rawValue }

  private static let withoutReturn = [
    CALL_FREE.rawValue, CALL_LONGJMP.rawValue, CALL_EXCEPTION.rawValue,
  ]

  /// The same function in a library that was built with another prefix.
  func named(_ name: String) -> Self {
    var copy = self
    copy.name = name
    return copy
  }
}
