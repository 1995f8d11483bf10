import AllocationModel
package import Executables
package import Processes

/// The executable files that a process has mapped, and the variables in them.
///
/// Read when they are asked for; used by one thread.
package final class ModuleMap {
  package struct Module {
    /// File name without folder.
    package let name: String
    /// All that it takes of the address space, zeroed variables included.
    package let range: Range<UInt64>
    /// What is added to a virtual address in the file.
    package let bias: UInt64
    package let threadLocalBlock: ModuleVariables.ThreadLocalBlock?
    /// The program rather than a library.
    package let isExecutable: Bool
    /// It has types of Swift.
    let isSwift: Bool
    /// The mapping that the file is opened by.
    let first: MemoryMapping
  }

  private let process: ProcessDirectory?
  /// Ascending by address.
  package let modules: [Module]
  private var variablesByModule: [Int: ModuleVariables?] = [:]
  /// Of each module, if that was saved.
  private let saved: [ModuleFacts]?

  /// Opens every file that has code mapped; what can't be read is no module.
  ///
  /// - Parameter process: nil: no module is known.
  package init(of image: ProcessImage, in process: ProcessDirectory?) {
    self.process = process
    saved = nil
    guard let process else {
      modules = []
      return
    }
    var modules: [Module] = []
    // The kernel marks files that are gone; mappings know that apart from the path.
    let link = (try? process.executablePath()) ?? nil
    let executable = link.map { $0.hasSuffix(" (deleted)") ? String($0.dropLast(10)) : $0 }
    for mappings in Self.groups(of: image.regions.map(\.mapping)) {
      let first = mappings[0]
      guard mappings.contains(where: { $0.permissions.contains(.execute) }),
        let opened = try? process.openFile(of: first), let file = try? ELFFile(opened),
        let span = file.segments.span
      else { continue }
      // The first mapping is that of the lowest segment.
      let bias = first.start &- span.lowerBound
      let start = first.start
      modules.append(
        Module(
          name: first.path?.split(separator: "/").last.map(String.init) ?? "?",
          range: start..<max(start, bias &+ span.upperBound), bias: bias,
          threadLocalBlock: file.threadLocalBlock,
          isExecutable: first.path != nil && first.path == executable,
          isSwift: file.sectionNames().contains("swift5_typeref"), first: first))
    }
    self.modules = modules
  }

  /// What was saved of modules.
  init(_ saved: [ModuleFacts]) {
    process = nil
    modules = saved.map(\.module)
    self.saved = saved
  }

  /// Mappings of each loaded file; one that is loaded twice makes two.
  private static func groups(of mappings: [MemoryMapping]) -> [[MemoryMapping]] {
    var groups: [[MemoryMapping]] = []
    var openGroups: [MappedFile: Int] = [:]
    for mapping in mappings where mapping.isFile {
      let file = MappedFile(mapping)
      if let open = openGroups[file], let last = groups[open].last,
        mapping.fileOffset >= last.fileOffset, mapping.fileOffset > 0
      {
        groups[open].append(mapping)
      } else {
        openGroups[file] = groups.count
        groups.append([mapping])
      }
    }
    return groups
  }

  /// Position in `modules` of the one at an address.
  package func index(at address: UInt64) -> Int? {
    let low = modules.endOfPrefix { $0.range.upperBound <= address }
    return low < modules.count && modules[low].range.contains(address) ? low : nil
  }

  /// The variables of a module; nil where its file can't be read any more.
  package func variables(of index: Int) -> ModuleVariables? {
    if let saved { return saved[index].variables }
    if let known = variablesByModule[index] { return known }
    var variables: ModuleVariables?
    if let opened = try? process?.openFile(of: modules[index].first),
      let file = try? ELFFile(opened)
    {
      variables = ModuleVariables(reading: file)
    }
    variablesByModule[index] = .some(variables)
    return variables
  }

  /// The function whose code is at an address, and how far it is into it; nil where none is known.
  func function(at address: UInt64) -> (module: String, name: String, distance: UInt64)? {
    guard let index = index(at: address) else { return nil }
    let virtualAddress = address &- modules[index].bias
    guard let symbol = functions(of: index).symbol(at: virtualAddress) else { return nil }
    return (modules[index].name, symbol.name, virtualAddress - symbol.start)
  }

  /// The functions of a module; none where its file can't be read any more.
  func functions(of index: Int) -> SymbolTable {
    if let saved { return saved[index].functions }
    guard let opened = try? process?.openFile(of: modules[index].first),
      let file = try? ELFFile(opened)
    else { return .empty }
    return SymbolTable(of: file)
  }

  /// Whether there may be objects of Swift; what is not known may be anything.
  var mayHaveSwift: Bool { process == nil || modules.contains(where: \.isSwift) }

  /// Bytes below a thread pointer in which the thread-local variables of all modules have room.
  package var threadLocalByteCount: UInt64 {
    modules.reduce(0) { $0 + ($1.threadLocalBlock.map { $0.byteCount + $0.alignment } ?? 0) }
  }

  /// The 4-byte words of a variable in a module's file; nil where it has none of that name.
  func descriptor(_ name: String, of module: Module) -> [UInt32]? {
    if let saved {
      return saved.first { $0.module.range == module.range }?.keyDescriptor
    }
    guard let opened = try? process?.openFile(of: module.first), let file = try? ELFFile(opened),
      let address = file.variableAddress(named: name),
      let bytes = try? file.bytes(at: address, count: 12), bytes.count == 12
    else { return nil }
    return stride(from: 0, to: 12, by: 4).map { start in
      (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
    }
  }
}
