import CElfutils
import Glibc
import LinuxSystem
import Processes

/// libdwfl's view of one module: its debug information, wherever that is. `dwfl_begin(3)`
///
/// libdw believes what it reads, so this is only used in a process that may crash.
final class DebugModule {
  private final class Search {
    let files: DebugFileSearch
    init(_ files: DebugFileSearch) { self.files = files }
  }

  private let dwfl: OpaquePointer
  private let module: OpaquePointer
  /// The module's user data points to it.
  private let search: Search
  let isReadable: Bool
  private var units = UnitIndex()
  private var functions = FunctionIndexCache()

  /// Opens a module; nil where libdwfl can't.
  ///
  /// - Parameters:
  ///   - path: of the file, in the process's mount namespace.
  ///   - root: root folder of that namespace, where it isn't this process's.
  init?(_ file: consuming RegularFile, path: String, root: ProcessRoot?) {
    guard let copy = try? OwnedDescriptor.duplicating(file.descriptor),
      let elf = try? ELFFile(file), elf.type != .other
    else { return nil }
    search = Search(DebugFileSearch(root: root, path: path, buildID: elf.buildID))
    guard let dwfl = dwfl_begin(Self.callbacks) else { return nil }
    let descriptor = copy.release()
    guard let module = dwfl_report_elf(dwfl, path, path, descriptor, 0, true) else {
      close(descriptor)
      dwfl_end(dwfl)
      return nil
    }
    self.dwfl = dwfl
    self.module = module
    var userData: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    dwfl_module_info(module, &userData, nil, nil, nil, nil, nil, nil)
    userData?.pointee = Unmanaged.passUnretained(search).toOpaque()
    dwfl_report_end(dwfl, nil, nil)
    var bias: Dwarf_Addr = 0
    isReadable = dwfl_module_getdwarf(module, &bias) != nil
  }

  deinit { dwfl_end(dwfl) }

  /// The calls at a virtual address, innermost first; none where nothing is known of it.
  func calls(at address: UInt64, symbol: String?) -> [SourceCall] {
    let naming = FunctionNaming(symbol: symbol)
    var calls: [SourceCall] = []
    if isReadable, let unit = units.unit(at: address, module) {
      calls = unit.calls(at: address, functions: &functions, naming: naming)
    }
    if let physical = calls.last, physical.function != nil { return calls }
    // libdwfl goes through all symbols, so it is asked last.
    let symbol = FunctionNaming(symbol: symbol ?? self.symbol(at: address))
    guard let name = symbol.physical(nil, linkageName: nil) else { return calls }
    let last = calls.popLast() ?? SourceCall()
    return calls + [SourceCall(function: name, file: last.file, line: last.line)]
  }

  /// A function of the debug file's symbol table, or of the one in `.gnu_debugdata`, that holds the address.
  private func symbol(at address: UInt64) -> String? {
    var offset: GElf_Off = 0
    var symbol = GElf_Sym()
    guard
      let name = dwfl_module_addrinfo(module, address, &offset, &symbol, nil, nil, nil),
      offset < max(symbol.st_size, 1)
    else { return nil }
    return String(cString: name)
  }

  // MARK: Callbacks

  // Never written again.
  private nonisolated(unsafe) static let callbacks: UnsafeMutablePointer<Dwfl_Callbacks> = {
    let callbacks = UnsafeMutablePointer<Dwfl_Callbacks>.allocate(capacity: 1)
    callbacks.initialize(to: Dwfl_Callbacks())
    // The file is there already.
    callbacks.pointee.find_elf = { _, _, _, _, _, _ in -1 }
    callbacks.pointee.find_debuginfo = findDebugFile
    return callbacks
  }()

  /// Looks where the process would, then where libdwfl does: on the host, then with debuginfod.
  ///
  /// libdwfl asks once for the debug file, and once more for the file it shares with others, if any; then the
  /// checksum is zero.
  private static let findDebugFile:
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafePointer<CChar>?,
      Dwarf_Addr, UnsafePointer<CChar>?, UnsafePointer<CChar>?, GElf_Word,
      UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    ) -> Int32 = { module, userData, moduleName, base, fileName, link, checksum, found in
      if let pointer = userData?.pointee {
        let search = Unmanaged<Search>.fromOpaque(pointer).takeUnretainedValue()
        let name = link.map { String(cString: $0) }
        let isShared = name != nil && checksum == 0 && name?.contains("/") == true
        let descriptor =
          isShared
          ? search.files.open(sharedFile: name ?? "")
          : search.files.open(link: name, checksum: checksum)
        if let descriptor { return descriptor }
      }
      return dwfl_standard_find_debuginfo(
        module, userData, moduleName, base, fileName, link, checksum, found)
    }
}
