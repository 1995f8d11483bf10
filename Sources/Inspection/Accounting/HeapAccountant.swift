import AllocationModel

/// Adds up a heap in one pass over its blocks and free chunks, by address.
///
/// A chunk's own bytes are those behind its size up to the size of the next: the last eight of a block lie in the
/// header of its successor (malloc_chunk, malloc/malloc.c).
struct HeapAccountant {
  /// Bytes from the address of a free chunk to the first that are its own.
  private static let headerByteCount: UInt64 = 8
  /// Of the smallest block; what it was asked for may be 0.
  private static let leastBlockByteCount: UInt64 = 24
  /// A block may be 15 bytes larger than was asked for, and 16 more where that was too little to be cut off.
  private static let roundingByteCount: UInt64 = 31
  private static let pageByteCount = PagePresence.pageByteCount

  private(set) var account: HeapAccount
  private let walk: HeapWalk
  /// Resident memory that stays if the allocator gives back what it can.
  private var resident: AddressRuns.Meter
  private var pages: PageUse
  /// By the binary logarithm of their limit.
  private var classes = (0..<UInt64(64)).map { HeapAccount.SizeClass(limit: 1 << $0) }
  // Resident bytes.
  private var live: UInt64 = 0
  private var cached: UInt64 = 0
  private var kept: UInt64 = 0
  private var pinned: UInt64 = 0

  init(of walk: HeapWalk, pid: Int32, resident: AddressRuns) {
    self.walk = walk
    let returnable = AddressRuns(ascending: walk.returnableRanges)
    let staying = resident.subtracting(returnable)
    self.resident = AddressRuns.Meter(staying)
    pages = PageUse(resident: staying)
    account = HeapAccount(pid: pid, allocator: walk.allocator)
    account.arenas = walk.arenas.map {
      HeapAccount.Arena(address: $0.address, isMain: $0.isMain, systemBytes: $0.systemByteCount)
    }
    account.checks = walk.checks.map {
      HeapAccount.Check(name: $0.name, isOK: $0.isOK, detail: $0.detail)
    }
    account.residence[.trimmable] = resident.byteCount - staying.byteCount
    add()
    let heap = AddressRuns(merging: walk.heapRanges + walk.allocatorRanges)
    var meter = AddressRuns.Meter(staying)
    let heapByteCount = heap.runs.reduce(0) {
      $0 + meter.byteCount(in: $1.lowerBound, $1.upperBound)
    }
    let known = live + cached + kept + pinned
    account.residence[.headers] = heapByteCount - min(known, heapByteCount)
    account.residence[.live] = live
    account.residence[.caches] = cached
    account.residence[.kept] = kept
    account.residence[.pinned] = pinned
  }

  private mutating func add() {
    var free = walk.freeChunks[...]
    for block in walk.blocks {
      while let chunk = free.first, chunk.address < block.address {
        add(chunk)
        free.removeFirst()
      }
      add(block)
    }
    for chunk in free { add(chunk) }
    pages.finish()
    for pin in pages.pins where pin.blockBytes > 0 {
      let index = Self.classIndex(pin.blockBytes)
      classes[index].pinnedPages += pin.pages
      classes[index].pinnedFreeBytes += pin.freeBytes
    }
    account.pins = pages.pins
    account.classes = classes.filter { $0.live.blocks + $0.free.blocks > 0 }
  }

  private mutating func add(_ block: HeapBlock) {
    account.live.add(block.byteCount)
    classes[Self.classIndex(block.byteCount)].live.add(block.byteCount)
    live += resident.byteCount(in: block.address, block.address + block.byteCount)
    if block.arena == HeapBlock.mapped {
      account.mapped.add(block.byteCount)
      account.roundingLimit += Self.pageByteCount - 1
    } else {
      account.arenas[Int(block.arena)].live.add(block.byteCount)
      account.roundingLimit +=
        block.byteCount == Self.leastBlockByteCount
        ? Self.leastBlockByteCount : Self.roundingByteCount
      pages.add(block)
    }
  }

  private mutating func add(_ chunk: FreeChunk) {
    account.free.add(chunk)
    if chunk.kind != .top {
      classes[Self.classIndex(chunk.byteCount - Self.headerByteCount)].free.add(chunk.byteCount)
    }
    let start = chunk.address + Self.headerByteCount
    // Behind a top there is no other header.
    let end = chunk.address + chunk.byteCount + (chunk.kind == .top ? 0 : Self.headerByteCount)
    guard chunk.arena != HeapBlock.mapped else {
      cached += resident.byteCount(in: start, end - Self.headerByteCount)
      return
    }
    account.arenas[Int(chunk.arena)].free.add(chunk)
    guard chunk.kind == .binned || chunk.kind == .top else {
      cached += resident.byteCount(in: start, end)
      return
    }
    pages.addFree(start..<end)
    let page = Self.pageByteCount
    let first = min(end, (start + page - 1) & ~(page - 1))
    let last = max(first, end & ~(page - 1))
    pinned += resident.byteCount(in: start, first)
    kept += resident.byteCount(in: first, last)
    pinned += resident.byteCount(in: last, end)
  }

  /// Powers of two from 32 on.
  private static func classIndex(_ byteCount: UInt64) -> Int {
    min(63, max(5, 64 - (max(1, byteCount) - 1).leadingZeroBitCount))
  }
}

extension HeapAccount.Total {
  fileprivate mutating func add(_ byteCount: UInt64) {
    blocks += 1
    bytes += byteCount
  }
}

extension HeapAccount.FreeBytes {
  fileprivate mutating func add(_ chunk: FreeChunk) {
    switch chunk.kind {
    case .cached: cached += chunk.byteCount
    case .fast: fast += chunk.byteCount
    case .binned: binned += chunk.byteCount
    case .top: top += chunk.byteCount
    }
    largest = max(largest, chunk.byteCount)
  }
}
