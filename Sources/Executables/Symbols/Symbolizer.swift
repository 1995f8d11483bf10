package import AllocationModel
package import Processes

/// Names the addresses on the stacks of one process, also after it has ended.
package struct Symbolizer: Sendable {
  private let directory: ProcessDirectory
  private let cache: ModuleCache
  private var space = AddressSpace()
  /// Opened when the first file is read.
  private var root: ProcessRoot??
  private var perfMap = PerfMapFile()
  /// Executable mappings whose file could not be read, by path: their code is shown without names.
  package private(set) var failuresByPath: [String: ExecutableError] = [:]

  /// Makes a symbolizer that knows no mapping yet.
  package init(pid: Int32, cache: ModuleCache) {
    directory = ProcessDirectory(pid: pid)
    self.cache = cache
  }

  /// Takes over the process's current mappings and reads the files behind executable ones.
  ///
  /// The files are opened now, while the process is there; mappings that did not change cost nothing.
  package mutating func update(mappings: [MemoryMapping]) {
    var failures = failuresByPath
    let root = self.root ?? ProcessRoot(of: directory)
    self.root = .some(root)
    space.update(mappings) { [directory, cache] mapping in
      guard mapping.isFile, mapping.permissions.contains(.execute) else { return nil }
      do throws(ExecutableError) {
        return try Self.module(of: mapping, directory, cache, root)
      } catch {
        failures[mapping.path ?? "?"] = error
        return nil
      }
    }
    let paths = Set(mappings.lazy.compactMap(\.path))
    failuresByPath = failures.filter { paths.contains($0.key) }
  }

  /// Takes over one mapping that the process has made, in the order in which it made them.
  package mutating func add(_ mapping: MemoryMapping) {
    let module =
      mapping.isFile
      ? try? Self.module(of: mapping, directory, cache, root ?? ProcessRoot(of: directory)) : nil
    space.insert(mapping, module: module)
  }

  /// Reads the names that the process has written of code it made itself, if the stack has such code without a name.
  package mutating func readGeneratedNames(for addresses: [UInt64], at nanoseconds: UInt64) {
    let isNeeded = addresses.contains { address in
      guard let region = space.region(at: address), region.isGenerated else { return false }
      return perfMap.map.name(at: address) == nil
    }
    if isNeeded { perfMap.refresh(of: directory, at: nanoseconds) }
  }

  /// Names the frames of a stack, innermost first.
  ///
  /// A return address is the instruction behind the call, which may already belong to the next line or
  /// function, so the byte before it is looked up. `Frame.offset` is what addr2line(1) wants: the virtual
  /// address, in the module, of the byte that was looked up; the return address is one higher. For a file
  /// that is no readable executable it is the offset in the file. Outside of files it is the address as
  /// given, and `Frame.module` is the kernel's name (`[heap]`, `[vdso]`), `[anon]` for unnamed memory, or
  /// nil where nothing is mapped.
  ///
  /// `firstIsReturnAddress` is false where the stack starts with an interrupted instruction. Unless `isNamed`, functions
  /// of files are left out, to be looked up in their modules' symbols when somebody wants to see them.
  package func frames(
    for addresses: [UInt64],
    firstIsReturnAddress: Bool = true,
    isNamed: Bool = true
  ) -> [Frame] {
    locations(for: addresses, firstIsReturnAddress: firstIsReturnAddress).map { location in
      var frame = location.frame
      if isNamed, frame.function == nil {
        frame.function = location.module?.symbol(at: location.offset)?.name
      }
      return frame
    }
  }

  /// Where the frames of a stack lie: what `frames` makes its frames of.
  package func locations(
    for addresses: [UInt64], firstIsReturnAddress: Bool = true
  ) -> [FrameLocation] {
    addresses.enumerated().map { index, address in
      location(address, isReturnAddress: index > 0 || firstIsReturnAddress)
    }
  }

  /// Whether something is known to be mapped at an address.
  package func knowsCode(at address: UInt64) -> Bool { space.region(at: address) != nil }

  /// The unwind rule for the byte at an address; nil where no code is known.
  package func unwindRule(at address: UInt64, _ tables: UnwindTableCache) -> UnwindRule? {
    guard let region = space.region(at: address) else { return nil }
    if region.isGenerated { return UnwindRule(.framePointer) }
    if region.mapping.path == "[vdso]" {
      return UnwindTable.ofVDSO().rule(at: address - region.mapping.start)
    }
    guard let module = region.module,
      let virtualAddress = module.segments.address(ofFileOffset: region.fileOffset(of: address))
    else { return region.mapping.permissions.contains(.execute) ? UnwindRule.none : nil }
    guard let table = module.unwindTable(tables) else { return UnwindRule.none }
    return table.isEmpty ? UnwindRule(.framePointer) : table.rule(at: virtualAddress)
  }

  private func location(_ address: UInt64, isReturnAddress: Bool) -> FrameLocation {
    let lookedUp = isReturnAddress && address > 0 ? address - 1 : address
    guard let region = space.region(at: lookedUp) else { return FrameLocation(offset: address) }
    if region.isGenerated, let name = perfMap.map.name(at: lookedUp) {
      return FrameLocation(moduleName: region.name, offset: address, function: name)
    }
    guard region.mapping.isFile else {
      return FrameLocation(moduleName: region.name, offset: address)
    }
    let fileOffset = region.fileOffset(of: lookedUp)
    guard let module = region.module,
      let virtualAddress = module.segments.address(ofFileOffset: fileOffset)
    else {
      return FrameLocation(
        moduleName: region.name, buildID: region.module?.buildID, offset: fileOffset)
    }
    return FrameLocation(
      module: module, moduleName: region.name, buildID: module.buildID, offset: virtualAddress)
  }

  private static func module(
    of mapping: MemoryMapping,
    _ directory: ProcessDirectory,
    _ cache: ModuleCache,
    _ root: ProcessRoot?
  ) throws(ExecutableError) -> Module {
    let file: RegularFile
    do throws(ProcessError) {
      file = try directory.openFile(of: mapping)
    } catch {
      throw .unreadable(error)
    }
    return try cache.module(of: file, path: mapping.path, root: root)
  }
}
