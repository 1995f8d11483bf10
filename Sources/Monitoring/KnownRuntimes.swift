import AllocationProbes
import Executables
import Processes

/// What runtimes executables have, each looked at once.
final class KnownRuntimes {
  private var traitsByFile: [FileIdentity: ManagedRuntime.Traits] = [:]
  /// Executables that are remembered.
  private static let limit = 4096

  /// The runtime of a process that keeps some of its memory out of sight; nil without one, and for one that is gone.
  func runtime(
    of directory: ProcessDirectory, mappings: [MemoryMapping], hasAllocator: Bool
  ) -> ManagedRuntime? {
    guard let traits = traits(of: directory) else { return nil }
    let names = mappings.lazy.filter(\.isFile).compactMap(\.path).map {
      String($0[($0.lastIndex(of: "/").map($0.index(after:)) ?? $0.startIndex)...])
    }
    return ManagedRuntime.find(
      executable: traits, mappedNames: Set(names), hasAllocator: hasAllocator)
  }

  private func traits(of directory: ProcessDirectory) -> ManagedRuntime.Traits? {
    guard let file = try? RegularFile(opening: "\(directory.path)/exe") else { return nil }
    let identity = file.identity
    if let known = traitsByFile[identity] { return known }
    guard let executable = try? ELFFile(file) else { return nil }
    if traitsByFile.count >= Self.limit { traitsByFile = [:] }
    let traits = ManagedRuntime.Traits(executable)
    traitsByFile[identity] = traits
    return traits
  }
}
