import ProbeABI

/// One allocator function and what a call of it does. A new function is one more row of `all`.
package struct ProbedFunction: Hashable, Sendable {
  package var name: String
  /// The attach cookie of its probes: `enum call_kind` of the ABI.
  package var kind: UInt32
  /// Whether its return says something: not so for `free` and `longjmp`.
  package var hasReturn: Bool

  private init(_ name: String, _ kind: call_kind, hasReturn: Bool = true) {
    self.name = name
    self.kind = kind.rawValue
    self.hasReturn = hasReturn
  }

  /// The functions of malloc(3), posix_memalign(3), C23 7.24.3 and mmap(2) that libraries export, and longjmp(3),
  /// which leaves calls of them for good.
  ///
  /// Names for one address (`malloc` and `__libc_malloc`) get one probe, under the first name found.
  /// Those that give memory back come first: probes are placed in this order, and a block whose free is not yet
  /// probed would stay live for ever.
  package static let all: [ProbedFunction] = [
    ProbedFunction("free", CALL_FREE, hasReturn: false),
    ProbedFunction("cfree", CALL_FREE, hasReturn: false),
    ProbedFunction("free_sized", CALL_FREE, hasReturn: false),
    ProbedFunction("free_aligned_sized", CALL_FREE, hasReturn: false),
    ProbedFunction("munmap", CALL_MUNMAP),
    ProbedFunction("malloc", CALL_MALLOC),
    ProbedFunction("calloc", CALL_CALLOC),
    ProbedFunction("realloc", CALL_REALLOC),
    ProbedFunction("reallocarray", CALL_REALLOCARRAY),
    ProbedFunction("memalign", CALL_MEMALIGN),
    ProbedFunction("aligned_alloc", CALL_MEMALIGN),
    ProbedFunction("posix_memalign", CALL_POSIX_MEMALIGN),
    ProbedFunction("valloc", CALL_MALLOC),
    ProbedFunction("pvalloc", CALL_MALLOC),
    ProbedFunction("mmap", CALL_MMAP),
    ProbedFunction("mmap64", CALL_MMAP),
    ProbedFunction("mremap", CALL_MREMAP),
    ProbedFunction("brk", CALL_BRK),
    ProbedFunction("sbrk", CALL_BRK),
    ProbedFunction("longjmp", CALL_LONGJMP, hasReturn: false),
    ProbedFunction("_longjmp", CALL_LONGJMP, hasReturn: false),
    ProbedFunction("siglongjmp", CALL_LONGJMP, hasReturn: false),
    ProbedFunction("__longjmp_chk", CALL_LONGJMP, hasReturn: false),
  ]

  /// A file without these is no allocator.
  package static let essential: Set<String> = ["malloc", "free"]
}
