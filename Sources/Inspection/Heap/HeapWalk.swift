/// One block that the program holds.
package struct HeapBlock: Hashable, Sendable {
  /// What malloc returned.
  package var address: UInt64
  /// Bytes that may be used, at least those that were asked for.
  package var byteCount: UInt64
  /// Position in `HeapWalk.arenas`; of an own mapping: `HeapBlock.mapped`.
  package var arena: UInt16

  /// Stands for no arena.
  package static let mapped = UInt16.max

  package init(address: UInt64, byteCount: UInt64, arena: UInt16) {
    self.address = address
    self.byteCount = byteCount
    self.arena = arena
  }
}

/// Memory that the allocator holds and the program does not.
package struct FreeChunk: Hashable, Sendable {
  package enum Kind: Hashable, Sendable, CaseIterable {
    /// In a thread's cache: handed out again first, never given back to the kernel.
    case cached
    /// In a fastbin: looks used to its neighbours until malloc merges it with those that are free.
    case fast
    /// In a bin: its neighbours were merged into it.
    case binned
    /// The end of an arena, from which new chunks are cut.
    case top
  }

  package var address: UInt64
  /// Headers included.
  package var byteCount: UInt64
  package var kind: Kind
  /// Position in `HeapWalk.arenas`.
  package var arena: UInt16
}

/// What the walk says of its own truth.
package struct HeapCheck: Hashable, Sendable {
  package var name: String
  package var isOK: Bool
  /// The figures that were compared.
  package var detail: String
}

/// A place where the heap contradicts itself.
package struct HeapDamage: Hashable, Sendable {
  package var address: UInt64
  package var detail: String
}

/// One arena of an allocator.
package struct HeapArena: Hashable, Sendable {
  /// Of its control structure.
  package var address: UInt64
  /// Bytes that it got from the kernel and still has, by its own account.
  package var systemByteCount: UInt64
  package var isMain: Bool
}

/// A heap in pieces: every block of a process, and all that is between them.
package struct HeapWalk: Sendable {
  /// Such as "glibc 2.36".
  package var allocator: String
  /// Ascending by address.
  package var blocks: [HeapBlock] = []
  /// Ascending by address.
  package var freeChunks: [FreeChunk] = []
  package var arenas: [HeapArena] = []
  /// What blocks are cut from, own mappings of large blocks included; ascending.
  package var heapRanges: [Range<UInt64>] = []
  /// The allocator's own structures: what points from there to a block does not hold it.
  package var allocatorRanges: [Range<UInt64>] = []
  /// Mappings where blocks lie of an allocator that is not understood. Between those that are known there may be others,
  /// free memory and the allocator's own structures: what points from there to a block may hold it or not.
  package var unknownRanges: [Range<UInt64>] = []
  /// Whole pages that the allocator would give back to the kernel if it were asked to (`malloc_trim(0)`), in memory or
  /// not; ascending.
  package var returnableRanges: [Range<UInt64>] = []
  package var checks: [HeapCheck] = []
  /// At most `damageLimit`; `damageCount` says how many there are.
  package var damage: [HeapDamage] = []
  package var damageCount = 0

  package static let damageLimit = 100

  package init(allocator: String) {
    self.allocator = allocator
  }

  mutating func report(_ address: UInt64, _ detail: @autoclosure () -> String) {
    damageCount += 1
    guard damage.count < Self.damageLimit else { return }
    damage.append(HeapDamage(address: address, detail: detail()))
  }
}

/// Finds the blocks of one kind of allocator.
package protocol HeapWalker {
  /// - Throws: `InspectionError` if this allocator is not in the process.
  func walk(_ image: ProcessImage) throws(InspectionError) -> HeapWalk
}
