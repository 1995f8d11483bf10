import Executables
import Processes

/// Allocators beside glibc's that a process may have, known by their names only: what their blocks lie in can't be read.
enum OtherAllocator: String, CaseIterable, Sendable {
  case jemalloc
  case tcmalloc
  case mimalloc
  case musl

  /// How the names of its shared libraries begin.
  private var libraries: [String] {
    switch self {
    case .jemalloc: ["libjemalloc."]
    case .tcmalloc: ["libtcmalloc"]
    case .mimalloc: ["libmimalloc"]
    case .musl: ["ld-musl-", "libc.musl-"]
    }
  }

  /// A function that an executable has which contains it.
  private var functions: [String] {
    switch self {
    case .jemalloc: ["mallocx", "je_mallocx", "_rjem_mallocx"]
    case .tcmalloc: ["tc_malloc", "TCMallocInternalMalloc"]
    case .mimalloc: ["mi_malloc"]
    case .musl: ["__libc_malloc_impl"]
    }
  }

  /// Those whose libraries are mapped.
  static func mapped(in mappings: [MemoryMapping]) -> [Self] {
    let names = Set(mappings.lazy.filter(\.isFile).compactMap(\.path)).map {
      $0.split(separator: "/").last.map(String.init) ?? $0
    }
    return allCases.filter { allocator in
      names.contains { name in allocator.libraries.contains { name.hasPrefix($0) } }
    }
  }

  /// Those whose functions an executable contains by name.
  static func contained(in file: borrowing ELFFile) -> [Self] {
    let found = file.functionSymbols(named: allCases.flatMap(\.functions))
    return allCases.filter { allocator in
      allocator.functions.contains { found[$0] != nil }
    }
  }

  /// Those of a process.
  static func all(of process: ProcessDirectory, mappings: [MemoryMapping]) -> [Self] {
    let mapped = mapped(in: mappings)
    guard let executable = try? RegularFile(opening: "\(process.path)/exe"),
      let file = try? ELFFile(executable)
    else { return mapped }
    let contained = contained(in: file)
    return allCases.filter { mapped.contains($0) || contained.contains($0) }
  }
}
