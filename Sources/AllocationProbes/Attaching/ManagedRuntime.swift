package import Executables
package import Processes

/// Why not all memory of a process goes through allocator functions that can be probed.
package enum ManagedRuntime: String, CaseIterable, Hashable, Sendable {
  case go
  case java
  case node
  case dotnet
  /// A static executable without symbols: its allocator is in there, and nobody knows where.
  case stripped

  /// What is known of an executable without running it.
  package struct Traits: Hashable, Sendable {
    package var sections: Set<String> = []
    package var functions: Set<String> = []
    /// It has no dynamic loader and needs no library.
    package var isStatic = false

    package init(
      sections: Set<String> = [], functions: Set<String> = [], isStatic: Bool = false
    ) {
      self.sections = sections
      self.functions = functions
      self.isStatic = isStatic
    }
  }

  /// Tells a runtime by its executable and the files that the process maps; the first that fits.
  ///
  /// - Parameters:
  ///   - mappedNames: last parts of the paths.
  ///   - hasAllocator: an allocator that can be probed was found.
  package static func find(
    executable: Traits, mappedNames: Set<String>, hasAllocator: Bool
  ) -> Self? {
    // debug/buildinfo and debug/gosym of Go's library: the linker writes both, and strip leaves them.
    if !executable.sections.isDisjoint(with: [".go.buildinfo", ".gopclntab"]) { return .go }
    if mappedNames.contains("libjvm.so") { return .java }
    if mappedNames.contains("libcoreclr.so") { return .dotnet }
    // Exported for add-ons (node_api.h), so it is there in every build.
    if executable.functions.contains(nodeFunction)
      || mappedNames.contains(where: { $0.hasPrefix("libnode.so") })
    {
      return .node
    }
    return executable.isStatic && !hasAllocator ? .stripped : nil
  }

  fileprivate static let nodeFunction = "node_module_register"

  /// For people, after the name of the process: what is seen of it and what is not.
  package var description: String {
    switch self {
    case .go:
      "is a Go program: Go's heap is not seen, only the mappings that it grows by;"
        + " C code in it (cgo) is seen; use Go's own heap profile (pprof) for the rest"
    case .java:
      "is a Java virtual machine: objects on its heap are not seen, only the mappings that hold them;"
        + " native code and direct buffers are seen; use jcmd GC.class_histogram for the rest"
    case .node:
      "runs JavaScript (V8): objects on its heap are not seen, only the mappings that hold them;"
        + " native code and buffers are seen; use a heap snapshot of --inspect for the rest"
    case .dotnet:
      "runs .NET: objects on its heap are not seen, only the mappings that hold them;"
        + " native code is seen; use dotnet-gcdump for the rest"
    case .stripped:
      "is a static executable without symbols: nothing says where its allocator is, so that only its"
        + " size is seen; use a build that keeps its symbols"
    }
  }
}

extension ManagedRuntime.Traits {
  /// Reads what is known of an executable.
  package init(_ file: borrowing ELFFile) {
    sections = file.sectionNames()
    functions = Set(file.functionSymbols(named: [ManagedRuntime.nodeFunction]).keys)
    isStatic = file.interpreter == nil && file.dynamicNames().needed.isEmpty
  }
}

extension AllocatorFinder {
  /// Why the memory of a process is seen in part, or not at all; nil where nothing is known to be missing.
  ///
  /// Of a process that can't be looked at, nothing is known.
  package func obstacle(in directory: ProcessDirectory) -> ManagedRuntime? {
    guard let file = try? RegularFile(opening: "\(directory.path)/exe"),
      let executable = try? ELFFile(file), let mappings = try? directory.mappings().mappings
    else { return nil }
    let paths = mappings.filter(\.isFile).compactMap(\.path)
    return ManagedRuntime.find(
      executable: ManagedRuntime.Traits(executable),
      mappedNames: Set(paths.map { String($0.split(separator: "/").last ?? "") }),
      hasAllocator: knowsAllocator(among: mappings))
  }
}
