import Executables
import ProbeABI

/// Functions that come together, in one library or linked into an executable.
///
/// What a function adds up to is told by its arguments, so that one row is enough for a new one. Functions that call
/// others of the table need no row, as those count; but where the outer one is asked for other bytes than the inner
/// one (`pvalloc`, `operator new` with an alignment), it has to have one: only the outermost call counts.
package struct AllocatorFamily: Sendable {
  /// For people.
  package var name: String
  package var functions: [ProbedFunction]
  /// A file has the family if it defines one function of each of these.
  package var essential: [Set<String>]
  /// Nothing else goes by these names: they count also where only the file itself may call them.
  var isDistinct: Bool
}

extension AllocatorFamily {
  /// Every function that is ever probed, each name once.
  package static let all: [ProbedFunction] =
    families.flatMap(\.functions) + CPlusPlusFunctions.all

  /// malloc(3) of libc and of what replaces it, under the names of programs and under the prefixes that it is built
  /// with to stand beside libc's; mimalloc.
  package static let families: [AllocatorFamily] =
    [
      AllocatorFamily(
        name: "malloc", functions: CFunctions.all + CFunctions.mappings + CFunctions.jumps,
        essential: CFunctions.essential(prefix: ""), isDistinct: false)
    ]
    + ["je_", "_rjem_", "tc_"].map { prefix in
      AllocatorFamily(
        name: "\(prefix)malloc",
        functions: CFunctions.all.map { $0.named(prefix + $0.name) }
          + (prefix == "tc_" ? CPlusPlusFunctions.inC : []),
        essential: CFunctions.essential(prefix: prefix), isDistinct: true)
    }
    + [
      AllocatorFamily(
        name: "mimalloc", functions: MimallocFunctions.all,
        essential: [["mi_malloc"], ["mi_free"]], isDistinct: true)
    ]

  /// The families that a file defines, given the functions of these names that it has.
  static func families(among found: [String: FunctionSymbol]) -> [AllocatorFamily] {
    families.filter { $0.isDefined(by: found) }
  }

  private func isDefined(by found: [String: FunctionSymbol]) -> Bool {
    essential.allSatisfy { names in names.contains { isUsable(found[$0], among: found) } }
  }

  /// Any library may have a `free` of its own that nobody else sees; hardly all four.
  private static let together = ["malloc", "calloc", "realloc", "free"]

  /// Whether a symbol stands for the function of the family by that name.
  func isUsable(_ symbol: FunctionSymbol?, among found: [String: FunctionSymbol]) -> Bool {
    guard let symbol else { return false }
    return isDistinct || symbol.binding != .local
      || Self.together.allSatisfy { found[$0]?.binding == .local }
  }
}

/// Functions of malloc(3), posix_memalign(3), C23 7.24.3 and jemalloc(3) ("non-standard API").
private enum CFunctions {
  static let all: [ProbedFunction] = [
    ProbedFunction("free", CALL_FREE),
    ProbedFunction("cfree", CALL_FREE),
    ProbedFunction("free_sized", CALL_FREE),
    ProbedFunction("free_aligned_sized", CALL_FREE),
    ProbedFunction("dallocx", CALL_FREE),
    ProbedFunction("sdallocx", CALL_FREE),
    ProbedFunction("malloc", CALL_MALLOC),
    ProbedFunction("calloc", CALL_CALLOC),
    ProbedFunction("realloc", CALL_REALLOC),
    ProbedFunction("reallocarray", CALL_REALLOCARRAY),
    ProbedFunction("memalign", CALL_MEMALIGN),
    ProbedFunction("aligned_alloc", CALL_MEMALIGN),
    ProbedFunction("posix_memalign", CALL_POSIX_MEMALIGN),
    ProbedFunction("valloc", CALL_MALLOC),
    ProbedFunction("pvalloc", CALL_MALLOC),
    ProbedFunction("mallocx", CALL_MALLOC),
    ProbedFunction("rallocx", CALL_REALLOC),
    ProbedFunction("xallocx", CALL_RESIZE),
  ]

  static func essential(prefix: String) -> [Set<String>] {
    [
      Set(["malloc", "mallocx"].map { prefix + $0 }),
      Set(["free", "dallocx", "sdallocx"].map { prefix + $0 }),
    ]
  }

  /// mmap(2), mremap(2), brk(2): mappings that no allocator made.
  static let mappings: [ProbedFunction] = [
    ProbedFunction("munmap", CALL_MUNMAP),
    ProbedFunction("mmap", CALL_MMAP),
    ProbedFunction("mmap64", CALL_MMAP),
    ProbedFunction("mremap", CALL_MREMAP),
    ProbedFunction("brk", CALL_BRK),
    ProbedFunction("sbrk", CALL_BRK),
  ]

  /// longjmp(3), which leaves calls for good.
  static let jumps: [ProbedFunction] = [
    ProbedFunction("longjmp", CALL_LONGJMP),
    ProbedFunction("_longjmp", CALL_LONGJMP),
    ProbedFunction("siglongjmp", CALL_LONGJMP),
    ProbedFunction("__longjmp_chk", CALL_LONGJMP),
  ]
}

/// `operator new` and `operator delete` (C++17 21.6.2) of allocators, which do not call `malloc` from there.
enum CPlusPlusFunctions {
  static let all: [ProbedFunction] =
    ["Znw", "Zna"].flatMap { new in
      [
        ProbedFunction("_\(new)m", CALL_MALLOC, .mayThrow),
        ProbedFunction("_\(new)mSt11align_val_t", CALL_MALLOC, .mayThrow),
        ProbedFunction("_\(new)mRKSt9nothrow_t", CALL_MALLOC),
        ProbedFunction("_\(new)mSt11align_val_tRKSt9nothrow_t", CALL_MALLOC),
      ]
    }
    + ["Zdl", "Zda"].flatMap { delete in
      [
        "Pv", "Pvm", "PvRKSt9nothrow_t", "PvSt11align_val_t", "PvmSt11align_val_t",
        "PvSt11align_val_tRKSt9nothrow_t",
      ].map { ProbedFunction("_\(delete)\($0)", CALL_FREE) }
    }

  static let names = Set(all.map(\.name))

  /// The same under the names that tcmalloc has for C (`gperftools/tcmalloc.h`).
  static let inC: [ProbedFunction] =
    [
      "delete", "delete_sized", "delete_nothrow", "delete_aligned", "delete_sized_aligned",
      "delete_aligned_nothrow", "deletearray", "deletearray_sized", "deletearray_nothrow",
      "deletearray_aligned", "deletearray_sized_aligned", "deletearray_aligned_nothrow",
    ].map { ProbedFunction("tc_\($0)", CALL_FREE) }
    + ["new", "newarray", "new_aligned", "newarray_aligned"].map {
      ProbedFunction("tc_\($0)", CALL_MALLOC, .mayThrow)
    }
    + [
      "new_nothrow", "newarray_nothrow", "new_aligned_nothrow", "newarray_aligned_nothrow",
      "malloc_skip_new_handler",
    ].map { ProbedFunction("tc_\($0)", CALL_MALLOC) }
}

/// Functions of `mimalloc.h`. Blocks of a heap that `mi_heap_destroy` gives back as a whole stay live here.
private enum MimallocFunctions {
  static let all: [ProbedFunction] = frees + allocations + onHeap + throwing

  private static let frees = [
    "mi_free", "mi_free_size", "mi_free_size_aligned", "mi_free_aligned", "mi_cfree",
  ].map { ProbedFunction($0, CALL_FREE) }

  private static let allocations: [ProbedFunction] =
    [
      "mi_malloc", "mi_malloc_small", "mi_zalloc", "mi_zalloc_small", "mi_malloc_aligned",
      "mi_malloc_aligned_at", "mi_zalloc_aligned", "mi_zalloc_aligned_at", "mi_valloc",
      "mi_pvalloc", "mi_new_nothrow", "mi_new_aligned_nothrow",
    ].map { ProbedFunction($0, CALL_MALLOC) }
    + ["mi_calloc", "mi_mallocn", "mi_calloc_aligned", "mi_calloc_aligned_at"].map {
      ProbedFunction($0, CALL_CALLOC)
    }
    + [
      "mi_realloc", "mi_rezalloc", "mi_expand", "mi_realloc_aligned", "mi_realloc_aligned_at",
      "mi_rezalloc_aligned", "mi_rezalloc_aligned_at",
    ].map { ProbedFunction($0, CALL_REALLOC) }
    + [
      "mi_reallocarray", "mi_reallocn", "mi_recalloc", "mi_recalloc_aligned",
      "mi_recalloc_aligned_at", "mi_aligned_recalloc", "mi_aligned_offset_recalloc",
    ].map { ProbedFunction($0, CALL_REALLOCARRAY) }
    + [
      ProbedFunction("mi_reallocf", CALL_REALLOC, .freesOnFailure),
      ProbedFunction("mi_memalign", CALL_MEMALIGN),
      ProbedFunction("mi_aligned_alloc", CALL_MEMALIGN),
      ProbedFunction("mi_posix_memalign", CALL_POSIX_MEMALIGN),
      ProbedFunction("mi_strdup", CALL_STRING),
      ProbedFunction("mi_strndup", CALL_STRING),
    ]

  private static let onHeap: [ProbedFunction] =
    [
      "malloc", "malloc_small", "zalloc", "malloc_aligned", "malloc_aligned_at", "zalloc_aligned",
      "zalloc_aligned_at",
    ].map { ProbedFunction("mi_heap_\($0)", CALL_MALLOC, .onHeap) }
    + ["calloc", "mallocn", "calloc_aligned", "calloc_aligned_at"].map {
      ProbedFunction("mi_heap_\($0)", CALL_CALLOC, .onHeap)
    }
    + [
      "realloc", "rezalloc", "realloc_aligned", "realloc_aligned_at", "rezalloc_aligned",
      "rezalloc_aligned_at",
    ].map { ProbedFunction("mi_heap_\($0)", CALL_REALLOC, .onHeap) }
    + ["reallocn", "recalloc", "recalloc_aligned", "recalloc_aligned_at"].map {
      ProbedFunction("mi_heap_\($0)", CALL_REALLOCARRAY, .onHeap)
    }
    + [
      ProbedFunction("mi_heap_reallocf", CALL_REALLOC, [.onHeap, .freesOnFailure]),
      ProbedFunction("mi_heap_strdup", CALL_STRING, .onHeap),
      ProbedFunction("mi_heap_strndup", CALL_STRING, .onHeap),
    ]

  private static let throwing: [ProbedFunction] = [
    ProbedFunction("mi_new", CALL_MALLOC, .mayThrow),
    ProbedFunction("mi_new_aligned", CALL_MALLOC, .mayThrow),
    ProbedFunction("mi_new_n", CALL_CALLOC, .mayThrow),
    ProbedFunction("mi_new_realloc", CALL_REALLOC, .mayThrow),
    ProbedFunction("mi_new_reallocn", CALL_REALLOCARRAY, .mayThrow),
    ProbedFunction("mi_heap_alloc_new", CALL_MALLOC, [.onHeap, .mayThrow]),
    ProbedFunction("mi_heap_alloc_new_n", CALL_CALLOC, [.onHeap, .mayThrow]),
  ]
}
