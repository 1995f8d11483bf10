import BPFRuntime
package import Executables
import ProbeABI
package import Processes

/// One file that defines allocator functions, with the place to probe in each.
package struct AllocatorFile: Sendable {
  /// One function that can be probed.
  package struct Probe: Sendable {
    package var function: ProbedFunction
    package var point: ProbePoint
    /// Of the probe point in the file.
    package var fileOffset: UInt64
    /// Of the instructions by which it returns, where those are probed; several functions may share some.
    package var returnOffsets: [UInt64] = []
  }

  /// A function that is there and can't be probed, with the reason.
  package struct Refusal: Sendable {
    package var name: String
    package var reason: String
  }

  /// For people: the path as the process knows it.
  package var name: String
  /// What is attached to.
  package var held: HeldFile
  package var identity: FileIdentity
  /// The families of functions that it defines, by their names for people.
  package var families: [String]
  package var probes: [Probe]
  package var refusals: [Refusal]
  /// Whether the size of a block's chunk lies in the word before it, as in glibc.
  package var keepsChunkSizes = false

  /// Whether exceptions may leave one of its calls.
  package var mayThrow: Bool { probes.contains { $0.function.return == .byInstruction } }
}

extension AllocatorFile {
  /// The probe points of some functions; `traits` are added to their cookies.
  func entries(
    traits: UInt64 = 0, where isWanted: (ProbedFunction) -> Bool
  ) -> [UprobeTarget] {
    probes.filter { isWanted($0.function) }.map {
      UprobeTarget(fileOffset: $0.fileOffset, cookie: $0.function.cookie | traits)
    }
  }

  /// The instructions by which some functions return that have no return probe.
  func returnInstructions(where isWanted: (ProbedFunction) -> Bool = { _ in true })
    -> [UprobeTarget]
  {
    Set(probes.filter { isWanted($0.function) }.flatMap(\.returnOffsets)).sorted().map {
      UprobeTarget(fileOffset: $0, cookie: UInt64(CALL_RETURN.rawValue))
    }
  }
}

extension AllocatorFile {
  /// Finds the allocator functions of a file; nil if it defines none.
  init?(
    _ file: borrowing ELFFile, name: String, held: HeldFile, profile: EmulationProfile
  ) {
    guard file.isX86_64 else { return nil }
    let found = file.functionSymbols(named: AllocatorFamily.all.map(\.name)).filter {
      !$0.value.isIndirect && $0.value.fileOffset != nil
    }
    let families = AllocatorFamily.families(among: found)
    guard !families.isEmpty else { return nil }

    var selection = ProbeSelection(profile: profile)
    for family in families {
      for function in family.functions where family.isUsable(found[function.name], among: found) {
        selection.add(function, found[function.name], in: file)
      }
    }
    for function in CPlusPlusFunctions.all {
      selection.add(function, found[function.name], in: file)
    }
    let (probes, refusals) = selection.finish(in: file)
    self.init(
      name: name, held: held, identity: file.identity, families: families.map(\.name),
      probes: probes, refusals: refusals,
      keepsChunkSizes: !file.functionSymbols(named: ["gnu_get_libc_version"]).isEmpty)
  }
}
