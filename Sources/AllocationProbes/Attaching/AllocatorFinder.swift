package import Executables
package import Processes

/// The files of a process that probes go into.
package struct ProbedFiles: Sendable {
  package var allocators: [AllocatorFile] = []
  var loaders: [LoaderFile] = []

  package var isEmpty: Bool { allocators.isEmpty && loaders.isEmpty }
}

/// Finds the allocator files and the loaders of processes, each file once.
package struct AllocatorFinder {
  private let profile: EmulationProfile
  private var seen: Set<FileIdentity> = []
  private var seenMappings: Set<MappedFile> = []
  private var allocatorMappings: Set<MappedFile> = []

  package init(profile: EmulationProfile) {
    self.profile = profile
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
    for mapping in try directory.mappings().mappings
    where mapping.isFile && mapping.permissions.contains(.execute) {
      let part = MappedFile(mapping)
      guard seenMappings.insert(part).inserted, let file = try? directory.openFile(of: mapping),
        seen.insert(file.identity).inserted, let elf = try? ELFFile(file)
      else { continue }
      let path = elf.path
      let name = mapping.path ?? path
      if let found = AllocatorFile(elf, name: name, attachPath: path, profile: profile) {
        files.allocators.append(found)
        allocatorMappings.insert(part)
      }
      if let found = LoaderFile(elf, name: name, attachPath: path, profile: profile) {
        files.loaders.append(found)
      }
    }
    return files
  }
}
