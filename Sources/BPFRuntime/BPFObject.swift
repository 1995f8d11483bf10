import CLibBPF
import Glibc

/// One compiled object: programs and maps. Open it, set sizes and types, then load it.
///
/// The corresponding C type is `struct bpf_object`; freeing it closes its programs and maps.
package struct BPFObject: ~Copyable {
  private let object: OpaquePointer
  package let name: String

  /// Parses an object file in memory; the bytes may go away afterwards.
  package init(name: String, bytes: UnsafeRawBufferPointer) throws(BPFError) {
    LibBPFLog.install()
    var options = bpf_object_open_opts()
    options.sz = MemoryLayout<bpf_object_open_opts>.size
    let opened = name.withCString { name in
      options.object_name = name
      return bpf_object__open_mem(bytes.baseAddress, bytes.count, &options)
    }
    guard let opened else {
      throw BPFError(attempt: "open BPF object \(name)", code: errno, log: LibBPFLog.take())
    }
    object = opened
    self.name = name
  }

  deinit {
    bpf_object__close(object)
  }

  /// How a program will be attached, which the kernel wants to know before loading it.
  package struct ProgramType: Sendable {
    package var type: UInt32
    package var expectedAttachType: UInt32

    /// kprobe programs serve uprobes; what kind of uprobe is their attach type.
    package static func uprobe(expectedAttachType: UInt32) -> ProgramType {
      ProgramType(type: BPF_PROG_TYPE_KPROBE.rawValue, expectedAttachType: expectedAttachType)
    }
  }

  package func setProgramType(_ program: String, to type: ProgramType) {
    guard let program = bpf_object__find_program_by_name(object, program) else { return }
    bpf_program__set_type(program, bpf_prog_type(rawValue: type.type))
    bpf_program__set_expected_attach_type(
      program, bpf_attach_type(rawValue: type.expectedAttachType))
  }

  /// Leaves a program out when the object is loaded.
  package func omitProgram(_ program: String) {
    guard let program = bpf_object__find_program_by_name(object, program) else { return }
    bpf_program__set_autoload(program, false)
  }

  package func setCapacity(of map: String, to entries: UInt32) {
    guard let map = bpf_object__find_map_by_name(object, map) else { return }
    bpf_map__set_max_entries(map, entries)
  }

  /// Sets the object's read-only data, which must be one value of type `T`.
  package func setReadOnlyData<T: BitwiseCopyable>(_ value: T) throws(BPFError) {
    var map = bpf_object__next_map(object, nil)
    while let candidate = map {
      if String(cString: bpf_map__name(candidate)).hasSuffix(".rodata") {
        let result = withUnsafeBytes(of: value) {
          bpf_map__set_initial_value(candidate, $0.baseAddress, $0.count)
        }
        guard result == 0 else {
          throw BPFError(attempt: "set the read-only data of \(name)", code: -result)
        }
        return
      }
      map = bpf_object__next_map(object, candidate)
    }
    throw BPFError(attempt: "find the read-only data of \(name)", code: ENOENT)
  }

  /// Makes this object use a map that another one has created.
  package func shareMap(_ map: borrowing BPFMap) throws(BPFError) {
    guard let own = bpf_object__find_map_by_name(object, map.name) else { return }
    let result = bpf_map__reuse_fd(own, map.descriptor)
    guard result == 0 else {
      throw BPFError(attempt: "share map \(map.name) with \(name)", code: -result)
    }
  }

  /// Creates the maps and passes the programs through the verifier.
  package func load() throws(BPFError) {
    let result = bpf_object__load(object)
    guard result == 0 else {
      throw BPFError(attempt: "load BPF object \(name)", code: -result, log: LibBPFLog.take())
    }
    _ = LibBPFLog.take()
  }

  package func map(_ map: String) throws(BPFError) -> BPFMap {
    guard let found = bpf_object__find_map_by_name(object, map) else {
      throw BPFError(attempt: "find map \(map) in \(name)", code: ENOENT)
    }
    return BPFMap(map: found, name: map)
  }

  /// The descriptor of a loaded program; it stays the object's.
  package func programDescriptor(_ program: String) throws(BPFError) -> Int32 {
    try BPFProgram(descriptorOf: found(program), name: program).descriptor
  }

  /// Runs a loaded program once and returns its result. The corresponding C function is `bpf_prog_test_run_opts`.
  package func run(_ program: String) throws(BPFError) -> UInt32 {
    var options = bpf_test_run_opts()
    options.sz = MemoryLayout<bpf_test_run_opts>.size
    let result = try bpf_prog_test_run_opts(programDescriptor(program), &options)
    guard result == 0 else { throw BPFError(attempt: "run program \(program)", code: -result) }
    return options.retval
  }

  /// Names and instruction counts of all programs.
  package var programs: [(name: String, instructions: Int)] {
    var result: [(name: String, instructions: Int)] = []
    var program = bpf_object__next_program(object, nil)
    while let current = program {
      result.append(
        (String(cString: bpf_program__name(current)), Int(bpf_program__insn_cnt(current))))
      program = bpf_object__next_program(object, current)
    }
    return result
  }

  /// Attaches a program by its section's name (tracepoints).
  package func attach(_ program: String) throws(BPFError) -> BPFLink {
    guard let link = bpf_program__attach(try found(program)) else {
      throw BPFError(attempt: "attach program \(program)", code: errno, log: LibBPFLog.take())
    }
    return BPFLink(link: link)
  }

  /// Attaches a program to one instruction of a file through a perf event.
  ///
  /// - Parameters:
  ///   - offset: of the instruction in the file.
  ///   - isReturn: at the return of the function that begins there.
  ///   - pid: -1 for all processes.
  package func attachPerfUprobe(
    _ program: String, path: String, offset: UInt64, isReturn: Bool, pid: Int32, cookie: UInt64
  ) throws(BPFError) -> BPFLink {
    var options = bpf_uprobe_opts()
    options.sz = MemoryLayout<bpf_uprobe_opts>.size
    options.retprobe = isReturn
    options.bpf_cookie = cookie
    let link = bpf_program__attach_uprobe_opts(
      try found(program), pid, path, Int(offset), &options)
    guard let link else {
      throw BPFError(
        attempt: "attach program \(program) to \(path)", code: errno, log: LibBPFLog.take())
    }
    return BPFLink(link: link)
  }

  private func found(_ program: String) throws(BPFError) -> OpaquePointer {
    guard let found = bpf_object__find_program_by_name(object, program) else {
      throw BPFError(attempt: "find program \(program) in \(name)", code: ENOENT)
    }
    return found
  }
}

private struct BPFProgram {
  let descriptor: Int32

  init(descriptorOf program: OpaquePointer, name: String) throws(BPFError) {
    descriptor = bpf_program__fd(program)
    guard descriptor >= 0 else {
      throw BPFError(attempt: "use program \(name), which is not loaded", code: EINVAL)
    }
  }
}
