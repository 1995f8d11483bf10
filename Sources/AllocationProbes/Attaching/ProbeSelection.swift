import Executables

/// Chooses the probes of one file, a function at a time.
struct ProbeSelection {
  private let profile: EmulationProfile
  private var probes: [AllocatorFile.Probe] = []
  private var refusals: [AllocatorFile.Refusal] = []
  /// Entries of functions that have a probe.
  private var taken: Set<UInt64> = []
  /// Functions of C++, for which has to be known what else is probed.
  private var waiting: [(function: ProbedFunction, symbol: FunctionSymbol)] = []

  init(profile: EmulationProfile) {
    self.profile = profile
  }

  /// How much code is looked at of a function whose symbol has no size, as is the rule in assembler.
  private static let unsizedByteCount = 64

  /// Chooses the place in one function. Names for one address (`malloc` and `__libc_malloc`) get one probe, under the
  /// first name.
  mutating func add(
    _ function: ProbedFunction, _ symbol: FunctionSymbol?, in file: borrowing ELFFile
  ) {
    guard let symbol, taken.insert(symbol.address).inserted else { return }
    if function.return == .byInstruction || CPlusPlusFunctions.names.contains(function.name) {
      waiting.append((function, symbol))
    } else {
      choose(function, symbol, returnOffsets: [], in: file)
    }
  }

  /// All probes. Those of functions that give memory back come first, as a block whose free is not yet probed would stay
  /// live for ever.
  mutating func finish(
    in file: borrowing ELFFile
  ) -> (probes: [AllocatorFile.Probe], refusals: [AllocatorFile.Refusal]) {
    if !waiting.isEmpty { addWaiting(in: file) }
    return (probes.filter(\.function.isFree) + probes.filter { !$0.function.isFree }, refusals)
  }

  private mutating func addWaiting(in file: borrowing ELFFile) {
    let finder = ReturnPointFinder(file)
    let frees = entries { $0.isFree }
    let allocations = entries { $0.return == .probed }
    for (function, symbol) in waiting {
      // `operator new` of libstdc++ calls malloc, which counts; so does `operator delete` of jemalloc with free.
      let inner = function.isFree ? frees : allocations
      if finder.alwaysCalls(inner, from: symbol.address, in: file) { continue }
      guard function.return == .byInstruction else {
        choose(function, symbol, returnOffsets: [], in: file)
        continue
      }
      do throws(ReturnPoints.Obstacle) {
        let returns = try finder.returns(of: symbol.address, in: file, probed: allocations)
        choose(
          function, symbol,
          returnOffsets: returns.addresses.compactMap { file.segments.fileOffset(ofAddress: $0) },
          in: file)
      } catch {
        refusals.append(
          AllocatorFile.Refusal(
            name: function.name,
            reason: "cannot find all places where it returns: \(error);"
              + " its calls will not be counted"))
      }
    }
  }

  private func entries(
    _ isIncluded: (ProbedFunction) -> Bool
  ) -> ReturnPointFinder.ProbedEntries {
    ReturnPointFinder.ProbedEntries(
      addresses: Set(
        probes.filter { isIncluded($0.function) }.map {
          $0.point.address &- UInt64($0.point.offset)
        }
      ),
      names: Set(AllocatorFamily.all.filter(isIncluded).map(\.name)).subtracting(
        CPlusPlusFunctions.names))
  }

  private mutating func choose(
    _ function: ProbedFunction, _ symbol: FunctionSymbol, returnOffsets: [UInt64],
    in file: borrowing ELFFile
  ) {
    do throws(ExecutableError) {
      let code =
        symbol.byteCount == 0
        ? try file.bytes(at: symbol.address, count: Self.unsizedByteCount)
        : try file.code(of: symbol)
      let point = try ProbePointSelector.select(
        code: code, entry: symbol.address, profile: profile,
        argumentCount: function.argumentCount)
      guard let offset = file.segments.fileOffset(ofAddress: point.address) else { return }
      probes.append(
        AllocatorFile.Probe(
          function: function, point: point, fileOffset: offset, returnOffsets: returnOffsets))
    } catch {
      refusals.append(AllocatorFile.Refusal(name: function.name, reason: error.description))
    }
  }
}
