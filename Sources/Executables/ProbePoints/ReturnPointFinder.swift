import AllocationModel

/// Follows all paths of functions of one file, and of those that they end in, to where they return.
///
/// Calls are stepped over. A path that comes to the end of what a frame description covers has called a function that
/// does not return. Only addresses that a path comes to are decoded, so that no data is taken for code. Code that only
/// the unwinder jumps to (catch blocks) is not come to: an exception has been thrown then.
package struct ReturnPointFinder {
  static let instructionLimit = 20_000
  static let returnLimit = 64
  /// Entries of the procedure linkage table have no description; they are this long at most.
  private static let linkageByteCount = 32
  private static let pieceByteLimit: UInt64 = 1 << 16

  /// Where code that belongs together begins and ends: functions and their cold parts.
  private let boundaries: [Range<UInt64>]
  /// What jumps through the global offset table lead to.
  private let destinations: [UInt64: SlotDestination]

  /// Reads frame descriptions and relocations.
  package init(_ file: borrowing ELFFile) {
    let code = file.segments.segments.filter(\.isExecutable).map {
      $0.address..<$0.address &+ $0.fileByteCount
    }
    boundaries = FrameDescriptions(file.callFrameSections(), code: code).descriptions.map {
      $0.start..<$0.end
    }
    destinations = file.linkedSlots()
  }

  /// The instructions by which a function returns. Where it ends in a function that is probed itself, that one's
  /// returns are seen.
  ///
  /// - Parameters:
  ///   - entry: virtual address in the module.
  ///   - probed: other functions whose calls are seen.
  package func returns(
    of entry: UInt64, in file: borrowing ELFFile, probed: ProbedEntries
  ) throws(ReturnPoints.Obstacle) -> ReturnPoints {
    var search = Search(entry: entry, probed: probed, endsAtCalls: false)
    while let start = search.pending.popLast() { try follow(start, of: &search, in: file) }
    return ReturnPoints(addresses: search.returns.sorted())
  }

  /// Whether each path through a function calls one that is probed itself, or ends in it. False where that can't be
  /// told.
  package func alwaysCalls(
    _ probed: ProbedEntries, from entry: UInt64, in file: borrowing ELFFile
  ) -> Bool {
    var search = Search(entry: entry, probed: probed, endsAtCalls: true)
    while let start = search.pending.popLast() {
      do throws(ReturnPoints.Obstacle) {
        try follow(start, of: &search, in: file)
      } catch {
        return false
      }
      if !search.returns.isEmpty { return false }
    }
    return search.hasMet
  }

  /// Functions whose calls are seen: by virtual address in the module, and by name where they are in other files.
  package struct ProbedEntries: Sendable {
    package var addresses: Set<UInt64>
    package var names: Set<String>

    package init(addresses: Set<UInt64> = [], names: Set<String> = []) {
      self.addresses = addresses
      self.names = names
    }

    fileprivate func contain(_ destination: SlotDestination?) -> Bool {
      switch destination {
      case .address(let address): addresses.contains(address)
      case .symbol(let name): names.contains(name)
      case nil: false
      }
    }
  }

  private struct Search {
    let entry: UInt64
    let probed: ProbedEntries
    /// Paths end where they call a function that is probed.
    let endsAtCalls: Bool
    var pending: [UInt64]
    var visited: Set<UInt64> = []
    var returns: Set<UInt64> = []
    /// A path came to a function that is probed.
    var hasMet = false

    init(entry: UInt64, probed: ProbedEntries, endsAtCalls: Bool) {
      self.entry = entry
      self.probed = probed
      self.endsAtCalls = endsAtCalls
      pending = [entry]
    }
  }

  /// Follows one path until it meets another or ends.
  private func follow(
    _ start: UInt64, of search: inout Search, in file: borrowing ELFFile
  ) throws(ReturnPoints.Obstacle) {
    if start != search.entry, search.probed.addresses.contains(start) {
      search.hasMet = true
      return
    }
    let end = boundary(around: start)
    guard end == nil || end.map({ $0 - start <= Self.pieceByteLimit }) == true else {
      throw .tooMuchCode
    }
    let code = bytes(
      at: start, in: file, count: end.map { Int(clamping: $0 - start) } ?? Self.linkageByteCount)
    var offset = 0
    while end == nil || offset < code.count {
      let address = start &+ UInt64(offset)
      guard search.visited.insert(address).inserted else { return }
      guard search.visited.count <= Self.instructionLimit else { throw .tooMuchCode }
      guard let instruction = Instruction(code: code, at: offset) else {
        throw .undecodable(at: address)
      }
      func absolute(_ distance: Int) -> UInt64 { start &+ UInt64(bitPattern: Int64(distance)) }
      switch instruction.flow {
      case .return:
        search.returns.insert(address)
        guard search.returns.count <= Self.returnLimit else { throw .tooManyReturns }
        return
      case .trap: return
      case .indirectJump:
        switch instruction.slot.flatMap({ destinations[absolute($0)] }) {
        case .address(let target): search.pending.append(target)
        case .symbol(let name):
          guard search.probed.names.contains(name) else { throw .leavesFile(to: name) }
          search.hasMet = true
        case nil: throw .indirectJump(at: address)
        }
        return
      case .directBranch:
        if let target = instruction.target { search.pending.append(absolute(target)) }
        guard instruction.isConditional else { return }
      case .call:
        if search.endsAtCalls,
          isCall(
            of: search.probed, target: instruction.target.map(absolute),
            slot: instruction.slot.map(absolute), in: file)
        {
          search.hasMet = true
          return
        }
        guard end != nil else { throw .noBoundary(at: address) }
      case .next, .systemCall: break
      }
      offset = instruction.end
    }
  }

  private func isCall(
    of probed: ProbedEntries, target: UInt64?, slot: UInt64?, in file: borrowing ELFFile
  ) -> Bool {
    if let target {
      return probed.addresses.contains(target)
        || probed.contain(linkageDestination(of: target, in: file))
    }
    return slot.map { probed.contain(destinations[$0]) } ?? false
  }

  /// The end of the code that belongs together with that at an address.
  private func boundary(around address: UInt64) -> UInt64? {
    let low = boundaries.endOfPrefix { $0.lowerBound <= address }
    guard low > 0, boundaries[low - 1].contains(address) else { return nil }
    // Sections like .plt have one description for all of them.
    return boundaries[low - 1].upperBound
  }

  /// What an entry of the procedure linkage table jumps to; nil for other code.
  private func linkageDestination(
    of address: UInt64, in file: borrowing ELFFile
  ) -> SlotDestination? {
    let code = bytes(at: address, in: file, count: Self.linkageByteCount)
    var offset = 0
    for _ in 0..<3 {
      guard let instruction = Instruction(code: code, at: offset) else { return nil }
      if instruction.flow == .indirectJump {
        return instruction.slot.flatMap { destinations[address &+ UInt64(bitPattern: Int64($0))] }
      }
      guard instruction.flow == .next else { return nil }
      offset = instruction.end
    }
    return nil
  }

  private func bytes(
    at address: UInt64, in file: borrowing ELFFile, count: Int
  ) -> [UInt8] {
    (try? file.bytes(at: address, count: count)) ?? []
  }
}
