package import Executables
package import Processes

/// The files of a process that probes go into.
package struct ProbedFiles: Sendable {
  package var allocators: [AllocatorFile] = []
  package var loaders: [LoaderFile] = []
  var exceptions: [ExceptionFile] = []

  package var isEmpty: Bool { allocators.isEmpty && notices.isEmpty }

  /// What is to be noticed before the allocators are attached to.
  var notices: [NoticePoint] { loaders.map(\.notice) + exceptions.flatMap(\.notices) }
}

/// Finds the allocator files of processes, and what goes with them, each file once. heaptap's own executable is left
/// out: it has an allocator of its own, so that no probes slow it down.
package struct AllocatorFinder {
  private let profile: EmulationProfile
  private var seen: Set<FileIdentity> = []
  private var seenMappings: Set<MappedFile> = []
  private var allocatorMappings: Set<MappedFile> = []
  /// Of those, the ones that exceptions may leave.
  private var throwingMappings: Set<MappedFile> = []
  /// Runtimes that no process was found to need yet.
  private var exceptionsByMapping: [MappedFile: ExceptionFile] = [:]

  package init(profile: EmulationProfile) {
    self.profile = profile
    if let own = try? RegularFile(opening: "/proc/self/exe") { seen.insert(own.identity) }
  }

  /// Whether one of these mappings is of an allocator file that was found in any process.
  package func knowsAllocator(among mappings: [MemoryMapping]) -> Bool {
    mappings.contains { $0.isFile && allocatorMappings.contains(MappedFile($0)) }
  }

  /// What there is to probe among the executable mappings of a process that no earlier call has returned.
  ///
  /// Files that can't be read or are no ELF files are passed over: a process may map anything.
  package mutating func newFiles(in directory: ProcessDirectory) throws(ProcessError)
    -> ProbedFiles
  {
    var files = ProbedFiles()
    let mappings = try directory.mappings().mappings.filter {
      $0.isFile && $0.permissions.contains(.execute)
    }
    for mapping in mappings {
      let part = MappedFile(mapping)
      guard seenMappings.insert(part).inserted, let file = try? directory.openFile(of: mapping),
        seen.insert(file.identity).inserted, let held = try? HeldFile(file),
        let elf = try? ELFFile(file)
      else { continue }
      let name = mapping.path ?? elf.path
      if let found = AllocatorFile(elf, name: name, held: held, profile: profile) {
        files.allocators.append(found)
        allocatorMappings.insert(part)
        if found.mayThrow { throwingMappings.insert(part) }
      }
      if let found = LoaderFile(elf, name: name, held: held, profile: profile) {
        files.loaders.append(found)
      }
      exceptionsByMapping[part] = ExceptionFile(elf, held: held, profile: profile)
    }
    files.exceptions = takeExceptionFiles(of: mappings.map(MappedFile.init))
    return files
  }

  /// Runtimes are probed only where exceptions matter.
  private mutating func takeExceptionFiles(of parts: [MappedFile]) -> [ExceptionFile] {
    guard !throwingMappings.isDisjoint(with: parts) else { return [] }
    return parts.compactMap { exceptionsByMapping.removeValue(forKey: $0) }
  }
}
