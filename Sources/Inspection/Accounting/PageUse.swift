import AllocationModel

/// Finds the resident pages that are nearly empty, and which blocks keep them.
///
/// Blocks and free chunks come in ascending order; what is neither is in use by the allocator.
struct PageUse {
  /// A page is nearly empty if no more of it is in use, bytes: an eighth.
  static let nearlyEmptyByteCount = PagePresence.pageByteCount / 8
  /// Blocks named of each size.
  private static let exampleLimit = 3

  private var resident: AddressRuns.Meter
  /// First address of the page that is being added up.
  private var page: UInt64 = .max
  private var freeByteCount: UInt64 = 0
  /// The block that has most of the page.
  private var block: HeapBlock?
  private var blockShare: UInt64 = 0
  private var pinsBySize: [UInt64: HeapAccount.Pin] = [:]
  /// Those that keep the most free bytes first; complete after `finish`.
  private(set) var pins: [HeapAccount.Pin] = []

  init(resident: AddressRuns) {
    self.resident = AddressRuns.Meter(resident)
  }

  @inline(__always)
  mutating func add(_ block: HeapBlock) {
    forEdges(of: block.address, block.address + block.byteCount) { use, count in
      if count > use.blockShare {
        use.block = block
        use.blockShare = count
      }
    }
  }

  mutating func addFree(_ range: Range<UInt64>) {
    forEdges(of: range.lowerBound, range.upperBound) { use, count in use.freeByteCount += count }
  }

  mutating func finish() {
    close()
    pins = pinsBySize.values.sorted {
      ($0.freeBytes, $0.blockBytes) > ($1.freeBytes, $1.blockBytes)
    }
  }

  /// Calls `body` with the bytes of a range on its first and on its last page. Pages between belong to nobody else.
  @inline(__always)
  private mutating func forEdges(
    of start: UInt64, _ end: UInt64, _ body: (inout PageUse, UInt64) -> Void
  ) {
    let mask = PagePresence.pageByteCount - 1
    let first = start & ~mask
    if first != page { open(first) }
    guard end > first + mask + 1 else { return body(&self, end - start) }
    body(&self, first + mask + 1 - start)
    let last = (end - 1) & ~mask
    open(last)
    body(&self, end - last)
  }

  private mutating func open(_ page: UInt64) {
    close()
    self.page = page
    freeByteCount = 0
    block = nil
    blockShare = 0
  }

  private mutating func close() {
    let size = PagePresence.pageByteCount
    guard freeByteCount >= size - Self.nearlyEmptyByteCount, freeByteCount < size,
      resident.byteCount(in: page, page + size) > 0
    else { return }
    let bytes = block?.byteCount ?? 0
    var pin = pinsBySize[bytes] ?? HeapAccount.Pin(blockBytes: bytes)
    pin.pages += 1
    pin.freeBytes += freeByteCount
    if let block, pin.addresses.count < Self.exampleLimit, pin.addresses.last != block.address {
      pin.addresses.append(block.address)
    }
    pinsBySize[bytes] = pin
    freeByteCount = 0
  }
}
