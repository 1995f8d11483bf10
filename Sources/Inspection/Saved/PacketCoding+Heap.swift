import AllocationModel
import Executables

extension PacketWriter {
  /// All of a walk but its blocks and free chunks.
  mutating func put(_ walk: HeapWalk) {
    put(walk.allocator)
    put(short: UInt64(walk.arenas.count))
    for arena in walk.arenas {
      put(short: arena.address)
      put(short: arena.systemByteCount)
      put(UInt8(arena.isMain ? 1 : 0))
    }
    for ranges in [walk.heapRanges, walk.allocatorRanges, walk.returnableRanges] {
      put(short: UInt64(ranges.count))
      for range in ranges {
        put(short: range.lowerBound)
        put(short: range.upperBound - range.lowerBound)
      }
    }
    put(short: UInt64(walk.checks.count))
    for check in walk.checks {
      put(check.name)
      put(UInt8(check.isOK ? 1 : 0))
      put(check.detail)
    }
    put(short: UInt64(walk.damage.count))
    for damage in walk.damage {
      put(damage.address)
      put(damage.detail)
    }
    put(short: UInt64(walk.damageCount))
  }

  /// Each as its distance from the end of the one before, its size and its arena.
  mutating func put(_ blocks: [HeapBlock]) {
    put(short: UInt64(blocks.count))
    var end: UInt64 = 0
    for block in blocks {
      put(short: block.address - end)
      put(short: block.byteCount)
      put(arena: block.arena)
      end = block.address + block.byteCount
    }
  }

  mutating func put(_ chunks: [FreeChunk]) {
    put(short: UInt64(chunks.count))
    var end: UInt64 = 0
    for chunk in chunks {
      put(short: chunk.address - end)
      put(short: chunk.byteCount)
      put(arena: chunk.arena)
      put(UInt8(FreeChunk.Kind.allCases.firstIndex(of: chunk.kind) ?? 0))
      end = chunk.address + chunk.byteCount
    }
  }

  /// 0 stands for none.
  private mutating func put(arena: UInt16) { put(short: UInt64(arena &+ 1)) }

  mutating func put(_ types: [BlockType]) {
    put(short: UInt64(types.count))
    for type in types {
      put(type.kind.rawValue)
      put(type.name)
    }
  }

  mutating func put(numbers: [UInt32]) {
    for number in numbers { put(short: UInt64(number)) }
  }
}

extension PacketReader {
  mutating func walk() -> HeapWalk? {
    guard let allocator = sentence(), let arenas = list({ $0.arena() }),
      let heapRanges = list({ $0.range() }), let allocatorRanges = list({ $0.range() }),
      let returnableRanges = list({ $0.range() }), Self.areAscending(returnableRanges),
      let checks = list({ $0.check() }), let damage = list({ $0.damage() }),
      let damageCount = size(), damageCount >= UInt64(damage.count)
    else { return nil }
    var walk = HeapWalk(allocator: allocator)
    walk.arenas = arenas
    walk.heapRanges = heapRanges
    walk.allocatorRanges = allocatorRanges
    walk.returnableRanges = returnableRanges
    walk.checks = checks
    walk.damage = damage
    walk.damageCount = Int(damageCount)
    return walk
  }

  private static func areAscending(_ ranges: [Range<UInt64>]) -> Bool {
    zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
  }

  /// Text that heaptap itself has written: without control characters.
  private mutating func sentence() -> String? {
    guard let text = string(), !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
      return nil
    }
    return text
  }

  private mutating func range() -> Range<UInt64>? {
    guard let start = size(), let byteCount = size() else { return nil }
    return start..<start + byteCount
  }

  /// More than sums of arenas could have.
  private static let arenaByteLimit: UInt64 = 1 << 48

  private mutating func arena() -> HeapArena? {
    guard let address = size(), let systemByteCount = size(),
      systemByteCount <= Self.arenaByteLimit, let isMain = flags(below: 2)
    else { return nil }
    return HeapArena(address: address, systemByteCount: systemByteCount, isMain: isMain == 1)
  }

  private mutating func check() -> HeapCheck? {
    guard let name = sentence(), let isOK = flags(below: 2), let detail = sentence() else {
      return nil
    }
    return HeapCheck(name: name, isOK: isOK == 1, detail: detail)
  }

  private mutating func damage() -> HeapDamage? {
    guard let address = number(UInt64.self), let detail = sentence() else { return nil }
    return HeapDamage(address: address, detail: detail)
  }

  /// Blocks in the order of a walk.
  mutating func blocks(arenaCount: Int) -> [HeapBlock]? {
    var end: UInt64 = 0
    let blocks = list { reader -> HeapBlock? in
      guard let (address, byteCount) = reader.extent(behind: &end, least: 1),
        let arena = reader.arenaNumber(count: arenaCount)
      else { return nil }
      return HeapBlock(address: address, byteCount: byteCount, arena: arena)
    }
    guard let blocks, blocks.count < 1 << 31 else { return nil }
    return blocks
  }

  mutating func freeChunks(arenaCount: Int) -> [FreeChunk]? {
    var end: UInt64 = 0
    return list { reader in
      guard
        let (address, byteCount) = reader.extent(
          behind: &end, least: 16),
        let arena = reader.arenaNumber(count: arenaCount),
        let kind = reader.flags(below: UInt8(FreeChunk.Kind.allCases.count))
      else { return nil }
      return FreeChunk(
        address: address, byteCount: byteCount, kind: FreeChunk.Kind.allCases[Int(kind)],
        arena: arena)
    }
  }

  private mutating func extent(
    behind end: inout UInt64, least: UInt64
  ) -> (address: UInt64, byteCount: UInt64)? {
    guard let gap = size(), let byteCount = size(), byteCount >= least else { return nil }
    let address = end + gap
    end = address + byteCount
    guard end < SavedLimit.address else { return nil }
    return (address, byteCount)
  }

  private mutating func arenaNumber(count: Int) -> UInt16? {
    guard let number = size(), number <= UInt64(min(count, Int(HeapBlock.mapped))) else {
      return nil
    }
    return UInt16(number) &- 1
  }

  mutating func types() -> [BlockType]? {
    list { reader in
      guard let kind = reader.string().flatMap(BlockType.Kind.init(rawValue:)),
        let name = reader.string()
      else { return nil }
      return BlockType(name: name, kind: kind)
    }
  }

  /// The number of a type for each block.
  mutating func typeNumbers(count: Int, below limit: Int) -> [UInt32]? {
    var numbers: [UInt32] = []
    numbers.reserveCapacity(count)
    for _ in 0..<count {
      guard let number = size(), number < UInt64(limit) else { return nil }
      numbers.append(UInt32(truncatingIfNeeded: number))
    }
    return numbers
  }
}
