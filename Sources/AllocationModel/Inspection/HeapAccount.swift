/// What the heap of a process is made of, and what its resident memory goes into.
package struct HeapAccount: Hashable, Sendable {
  /// Blocks and the bytes that the program may use of them.
  package typealias Total = HeapLeaks.Total

  /// One arena of the allocator.
  package struct Arena: Hashable, Sendable {
    /// Of its control structure.
    package var address: UInt64
    package var isMain: Bool
    /// Bytes that it has from the kernel, by its own account.
    package var systemBytes: UInt64
    package var live = Total()
    package var free = FreeBytes()

    package init(address: UInt64, isMain: Bool, systemBytes: UInt64) {
      self.address = address
      self.isMain = isMain
      self.systemBytes = systemBytes
    }
  }

  /// Bytes that the allocator holds and the program does not, headers included.
  package struct FreeBytes: Hashable, Sendable {
    /// In caches of threads.
    package var cached: UInt64 = 0
    /// In lists of small chunks that are not merged with their neighbours yet (fastbins).
    package var fast: UInt64 = 0
    /// Merged, and listed by size.
    package var binned: UInt64 = 0
    /// At the ends of arenas.
    package var top: UInt64 = 0
    /// The largest piece.
    package var largest: UInt64 = 0

    package var total: UInt64 { cached + fast + binned + top }

    package init() {}
  }

  /// Blocks of about one size.
  package struct SizeClass: Hashable, Sendable {
    /// Usable bytes of the largest that belongs here; a power of two.
    package var limit: UInt64
    package var live = Total()
    /// Free chunks that could become such a block, tops left out.
    package var free = Total()
    /// Resident pages that are at least seven eighths free and that a block of this class keeps.
    package var pinnedPages: UInt64 = 0
    /// Free bytes on these.
    package var pinnedFreeBytes: UInt64 = 0

    package init(limit: UInt64) { self.limit = limit }
  }

  /// Blocks of one size that keep pages which are nearly empty.
  package struct Pin: Hashable, Sendable {
    /// Usable bytes of such a block; 0: only chunks in caches and malloc's own structures.
    package var blockBytes: UInt64
    package var pages: UInt64 = 0
    /// Free bytes on these pages.
    package var freeBytes: UInt64 = 0
    /// Some of the blocks.
    package var addresses: [UInt64] = []

    package init(blockBytes: UInt64) { self.blockBytes = blockBytes }
  }

  /// What the allocator says of itself beside what was found.
  package struct Check: Hashable, Sendable {
    package var name: String
    package var isOK: Bool
    package var detail: String

    package init(name: String, isOK: Bool, detail: String) {
      self.name = name
      self.isOK = isOK
      self.detail = detail
    }
  }

  package var pid: Int32
  /// Such as "glibc 2.36".
  package var allocator: String
  package var live = Total()
  /// Those of them with a mapping of their own.
  package var mapped = Total()
  package var free = FreeBytes()
  /// Bytes of live blocks that were not asked for, at most: blocks are rounded up to multiples of 16 bytes.
  package var roundingLimit: UInt64 = 0
  /// The main arena first.
  package var arenas: [Arena] = []
  /// Ascending; those without blocks and free chunks are left out.
  package var classes: [SizeClass] = []
  /// Those that keep the most free bytes first.
  package var pins: [Pin] = []
  /// Bytes of resident memory, by what they are for.
  package var residence = Residence()
  package var checks: [Check] = []

  package init(pid: Int32, allocator: String) {
    self.pid = pid
    self.allocator = allocator
  }
}
