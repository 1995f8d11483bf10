import AllocationProbes
import Executables
package import LinuxSystem
import Processes
import SystemPackage

/// Starts a command so that it is observed from its first instruction.
///
/// The command is stopped at `execve`; allocator files are attached to the moment its dynamic loader maps
/// them, before any of their code has run. Once the loader is done, nobody traces the command any more.
package enum CommandLauncher {
  /// Longer than any loader takes; beyond it the command is let go.
  private static let systemCallLimit = 20_000

  /// Starts `arguments[0]`, makes it a target and lets it run.
  ///
  /// - Parameter inspector: looks at its heap when it ends; nil: nobody does.
  /// - Returns: its pid, and how it ended if it did before it was let go. It is a child of this process.
  /// - Throws: `ObservationError` if the command can't be started or has no allocator; it is gone then.
  package static func start(
    _ arguments: [String], in observation: Observation, inspector: ExitInspector? = nil
  ) throws -> (pid: Int32, ending: TracedCommand.Ending?) {
    let name = arguments.first ?? ""
    var command: TracedCommand
    do {
      command = try TracedCommand(arguments)
    } catch {
      throw ObservationError(
        .usage,
        "cannot run \(name): \(error.description.lowercased()); check the name and its permissions")
    }
    let pid = command.pid
    observation.isStarting = true
    defer { observation.isStarting = false }
    do {
      try TargetCheck.check(pid: pid)
      try observation.addTarget(pid: pid, isFromStart: true)
      let attached = try attachWhileLoading(&command, observation)
      // It may have no allocator, or not even all its libraries; what it says of that itself is enough.
      if let ending = command.ending { return (pid, ending) }
      guard attached > 0 else { throw TargetCheck.noAllocator(pid: pid) }
    } catch {
      command.kill()
      throw error
    }
    // A short command may be gone before its first stacks are named.
    observation.refreshMappings(ofPid: pid)
    guard let inspector else {
      command.release()
      return (pid, nil)
    }
    inspector.follow(&command)
    return (pid, command.ending)
  }

  /// Attaches to each allocator file as it is mapped. Returns how many there were.
  private static func attachWhileLoading(
    _ command: inout TracedCommand, _ observation: Observation
  ) throws -> Int {
    let directory = ProcessDirectory(pid: command.pid)
    var attached = try observation.attachToNewFiles(of: command.pid)
    guard let loader = loaderFile(of: directory, at: command.instructionPointer) else {
      return attached
    }
    var mappingCount = 0
    for _ in 0..<systemCallLimit {
      guard let address = command.runToNextSystemCall() else { break }
      let mappings = try directory.mappings().mappings
      if mappings.count != mappingCount {
        mappingCount = mappings.count
        observation.refreshMappings(ofPid: command.pid)
        attached += try observation.attachToNewFiles(of: command.pid)
      }
      // A system call made by any other code: the loader has handed over. Where somebody else probes the loader too,
      // its functions return by way of a system call in the kernel's page.
      let caller = mappings.first { $0.contains(address) }
      guard caller?.inode == loader || caller?.path == "[uprobes]" else { break }
    }
    return attached
  }

  /// Loaders of older versions of glibc have a `malloc`, too, but no `mmap` that others may call.
  private static func isLibc(_ mapping: MemoryMapping, in directory: ProcessDirectory) -> Bool {
    guard let file = try? directory.openFile(of: mapping), let elf = try? ELFFile(file) else {
      return false
    }
    let exported = elf.functionSymbols(named: ["malloc", "mmap"]).values
    return exported.count { $0.binding != .local } == 2
  }

  /// The inode of the program interpreter that runs first; nil for a program without one, or whose interpreter is its
  /// libc, too (musl): that is probed by now, and would seem never to hand over.
  private static func loaderFile(of directory: ProcessDirectory, at address: UInt64) -> UInt64? {
    guard let mappings = try? directory.mappings().mappings,
      let first = mappings.first(where: { $0.contains(address) }), first.isFile,
      !isLibc(first, in: directory)
    else { return nil }
    let executable = try? RegularFile(opening: "\(directory.path)/exe")
    guard let executable else { return first.inode }
    let isProgram = executable.identity.inode == first.inode
    let hasInterpreter = (try? ELFFile(executable))?.interpreter != nil
    // A loader that was called by name is the program itself and has no interpreter either.
    let isLoaderByName = isProgram && !hasInterpreter && (first.path ?? "").contains("/ld-")
    return isProgram && !isLoaderByName ? nil : first.inode
  }
}
