package import Executables
package import Processes

/// One file that defines allocator functions, with the place to probe in each.
package struct AllocatorFile: Sendable {
  /// One function that can be probed.
  package struct Probe: Sendable {
    package var function: ProbedFunction
    package var point: ProbePoint
    /// Of the probe point in the file.
    package var fileOffset: UInt64
  }

  /// A function that is there and can't be probed, with the reason.
  package struct Refusal: Sendable {
    package var name: String
    package var reason: String
  }

  /// For people: the path as the process knows it.
  package var name: String
  /// A path that leads to the mapped file itself, also when its name leads elsewhere by now.
  package var attachPath: String
  package var identity: FileIdentity
  package var probes: [Probe]
  package var refusals: [Refusal]
}

extension AllocatorFile {
  /// Finds the allocator functions of a file; nil if it defines none.
  init?(
    _ file: borrowing ELFFile, name: String, attachPath: String, profile: EmulationProfile
  ) {
    guard file.isX86_64 else { return nil }
    let found = file.functionSymbols(named: ProbedFunction.all.map(\.name)).filter {
      $0.value.binding != .local && !$0.value.isIndirect && $0.value.fileOffset != nil
    }
    guard ProbedFunction.essential.isSubset(of: found.keys) else { return nil }

    var probes: [Probe] = []
    var refusals: [Refusal] = []
    var taken: Set<UInt64> = []
    for function in ProbedFunction.all {
      guard let symbol = found[function.name], taken.insert(symbol.address).inserted else {
        continue
      }
      do throws(ExecutableError) {
        let point = try ProbePointSelector.select(
          code: file.code(of: symbol), entry: symbol.address, profile: profile)
        guard let offset = file.segments.fileOffset(ofAddress: point.address) else { continue }
        probes.append(Probe(function: function, point: point, fileOffset: offset))
      } catch {
        refusals.append(Refusal(name: function.name, reason: error.description))
      }
    }
    self.init(
      name: name, attachPath: attachPath, identity: file.identity, probes: probes,
      refusals: refusals)
  }
}
