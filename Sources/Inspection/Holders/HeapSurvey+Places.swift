package import AllocationModel
import Processes

extension HeapSurvey {
  /// Bytes of a chunk before its block.
  private static let headerByteCount: UInt64 = 16

  /// What is at an address, and what holds it.
  package func place(at address: UInt64) -> AddressPlace {
    var place = AddressPlace(pid: image.pid, address: address, kind: .unmapped)
    place.mapping = image.regionIndex(at: address).map {
      AddressPlace.Mapping(image.regions[$0].mapping)
    }
    if let block = block(at: address) {
      place.kind = .live
      place.extent = references.index.range(of: block)
      place.type = nominalName(block)
      place.path = paths(to: block, limit: 1, from: roots(without: [])).first
    } else if let chunk = freeChunk(at: address), address >= chunk.address + Self.headerByteCount {
      place.kind =
        switch chunk.kind {
        case .cached, .fast: .cached
        case .binned: .free
        case .top: .top
        }
      // As a block it would reach into the next chunk's header.
      let start = chunk.address + Self.headerByteCount
      place.extent =
        start..<start + chunk.byteCount - (chunk.kind == .top ? Self.headerByteCount : 8)
    } else if (walk.heapRanges + walk.allocatorRanges).contains(where: { $0.contains(address) }) {
      place.kind = .allocator
    } else if place.mapping != nil {
      place.owner = owner(of: address)
      place.kind = place.owner.map { kind(of: $0, at: address) } ?? .mapping
    }
    return place
  }

  private func freeChunk(at address: UInt64) -> FreeChunk? {
    let chunks = walk.freeChunks
    let low = chunks.endOfPrefix { $0.address <= address }
    guard low > 0, address - chunks[low - 1].address < chunks[low - 1].byteCount else { return nil }
    return chunks[low - 1]
  }

  private func owner(of address: UInt64) -> RootReference {
    var reference = naming.reference(at: address)
    if reference.kind == .global, let function = naming.modules.function(at: address) {
      reference.owner = "\(function.module)!\(function.name)"
      reference.offset = function.distance
    }
    return readable(reference)
  }

  private func kind(of owner: RootReference, at address: UInt64) -> AddressPlace.Kind {
    switch owner.kind {
    case .tls: .tls
    case .stack: .stack
    case .register, .mapping: .mapping
    case .global: isCode(address) ? .code : .global
    }
  }

  private func isCode(_ address: UInt64) -> Bool {
    image.regionIndex(at: address).map {
      image.regions[$0].mapping.permissions.contains(.execute)
    } ?? false
  }
}

extension AddressPlace.Mapping {
  fileprivate init(_ mapping: MemoryMapping) {
    let flags: [(MemoryMapping.Permissions, String)] = [
      (.read, "r"), (.write, "w"), (.execute, "x"),
    ]
    self.init(
      start: mapping.start, end: mapping.end,
      permissions: flags.map { mapping.permissions.contains($0.0) ? $0.1 : "-" }.joined()
        + (mapping.permissions.contains(.shared) ? "s" : "p"), path: mapping.path)
  }
}
