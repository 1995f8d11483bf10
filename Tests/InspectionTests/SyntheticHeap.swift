import LinuxSystem
import Processes
import TestSupport

@testable import Inspection

/// Writes the memory of a process with glibc's heap: one arena, one thread, one block with a mapping of its own.
struct SyntheticHeap {
  enum Use: CaseIterable {
    case held
    /// In the thread's cache, which takes sizes up to 1,040 bytes.
    case cached
    /// In a fastbin.
    case fast
    /// In the bin of what was freed last.
    case binned
  }

  struct Chunk {
    var byteCount: UInt64
    var use: Use
    /// Set when it is written.
    var address: UInt64 = 0
  }

  static let dataStart: UInt64 = 0x7f00_0000_0000
  static let heapStart: UInt64 = 0x5555_0000_0000
  static let threadStart: UInt64 = 0x7f10_0000_0000
  static let mappedStart: UInt64 = 0x7f20_0000_0000
  static let arena = dataStart + 0x100
  static let parameters = dataStart + 0x2000
  static let threadPointer = threadStart + 0x1000
  static let heapByteCount: UInt64 = 0x21000
  static let mappedByteCount: UInt64 = 0x23000

  let layout: GlibcLayout
  private(set) var chunks: [Chunk]
  /// By where they are mapped.
  private(set) var memory: [UInt64: [UInt8]]

  init(_ layout: GlibcLayout, _ chunks: [Chunk]) {
    self.layout = layout
    self.chunks = chunks
    memory = [
      Self.dataStart: Array(repeating: 0, count: 0x4000),
      Self.heapStart: Array(repeating: 0, count: Int(Self.heapByteCount)),
      Self.threadStart: Array(repeating: 0, count: 0x2000),
      Self.mappedStart: Array(repeating: 0, count: Int(Self.mappedByteCount)),
    ]
    let cache = Self.heapStart
    let cacheByteCount = GlibcLayout.chunkByteCount(for: layout.cacheByteCount)
    put(cacheByteCount | 1, at: cache + 8)
    var address = cache + cacheByteCount
    var isPreviousFree = false
    for index in chunks.indices {
      self.chunks[index].address = address
      put(chunks[index].byteCount | (isPreviousFree ? 0 : 1), at: address + 8)
      isPreviousFree = chunks[index].use == .binned
      address += chunks[index].byteCount
      if isPreviousFree { put(chunks[index].byteCount, at: address) }
    }
    let top = address
    put((Self.heapStart + Self.heapByteCount - top) | (isPreviousFree ? 0 : 1), at: top + 8)
    putArena(top: top)
    putCache(at: cache + 16)
    if layout.fastBins != nil { putFastBins() }
    putMapping()
  }

  /// What the program holds.
  var heldBlocks: [HeapBlock] {
    chunks.filter { $0.use == .held }.map {
      HeapBlock(address: $0.address + 16, byteCount: $0.byteCount - 8, arena: 0)
    } + [
      HeapBlock(
        address: Self.mappedStart + 16, byteCount: Self.mappedByteCount - 16,
        arena: HeapBlock.mapped)
    ]
  }

  var walker: GlibcWalker {
    GlibcWalker(
      GlibcModule(
        layout: layout, dataRanges: [Self.dataStart..<Self.dataStart + 0x4000],
        parameters: Self.parameters))
  }

  /// - Parameter residentPages: how many of each mapping are in memory; nil is all of them.
  func image(residentPages: UInt64? = nil) throws -> ProcessImage {
    let registers = ThreadRegisters(
      values: ThreadRegisters.names.map { $0 == "fs_base" ? Self.threadPointer : 0 })
    return try ProcessImage.synthetic(
      threads: [ThreadState(tid: 1, registers: registers)], residentPages: residentPages,
      memory.map { start, bytes in
        let mapping = MemoryMapping(
          start: start, end: start + UInt64(bytes.count), permissions: [.read, .write],
          inode: start == Self.dataStart ? 7 : 0,
          path: start == Self.dataStart
            ? "/lib/libc.so.6" : start == Self.heapStart ? "[heap]" : nil)
        return (mapping, bytes)
      })
  }

  mutating func put(_ value: UInt64, at address: UInt64) {
    guard let start = memory.keys.filter({ $0 <= address }).max() else { return }
    let offset = Int(address - start)
    guard offset + 8 <= memory[start]?.count ?? 0 else { return }
    for byte in 0..<8 {
      memory[start]?[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
    }
  }

  private mutating func putArena(top: UInt64) {
    put(top, at: Self.arena + UInt64(layout.top))
    for bin in 0..<GlibcLayout.binCount {
      let links = Self.arena + UInt64(layout.bins + 16 * bin)
      let ring = [links - 16] + (bin == 0 ? chunks.filter { $0.use == .binned }.map(\.address) : [])
      for (index, member) in ring.enumerated() {
        put(ring[(index + 1) % ring.count], at: member + 16)
        put(ring[(index + ring.count - 1) % ring.count], at: member + 24)
      }
    }
    put(Self.arena, at: Self.arena + UInt64(layout.next))
    put(Self.heapByteCount, at: Self.arena + UInt64(layout.systemMemory))
    put(Self.heapByteCount, at: Self.arena + UInt64(layout.maximumSystemMemory))
  }

  private mutating func putCache(at block: UInt64) {
    put(block, at: Self.threadPointer - 0x40)
    let entries = block + UInt64(layout.cacheBinCount * layout.cacheCountByteCount)
    var counts = Array(repeating: 0, count: layout.cacheBinCount)
    for (bin, members) in Dictionary(
      grouping: chunks.filter { $0.use == .cached }, by: { Int($0.byteCount / 16) - 2 })
    {
      putList(members, from: entries + UInt64(8 * bin), linkOffset: 16, memberOffset: 16)
      counts[bin] = members.count
    }
    for (bin, count) in counts.enumerated() {
      let at = Int(block - Self.heapStart) + bin * layout.cacheCountByteCount
      memory[Self.heapStart]?[at] = UInt8(count)
    }
  }

  private mutating func putFastBins() {
    for (bin, members) in Dictionary(
      grouping: chunks.filter { $0.use == .fast }, by: { Int($0.byteCount / 16) - 2 })
    {
      putList(
        members, from: Self.arena + UInt64(layout.fastBins ?? 0) + UInt64(8 * bin), linkOffset: 16,
        memberOffset: 0)
    }
  }

  /// A list that ends with nil, each link XORed with its own place where the layout says so.
  private mutating func putList(
    _ members: [Chunk], from head: UInt64, linkOffset: UInt64, memberOffset: UInt64
  ) {
    guard let first = members.first else { return }
    put(first.address + memberOffset, at: head)
    for (index, member) in members.enumerated() {
      let next = index + 1 < members.count ? members[index + 1].address + memberOffset : 0
      let place = member.address + linkOffset
      put(layout.manglesPointers ? place >> 12 ^ next : next, at: place)
    }
  }

  private mutating func putMapping() {
    let header = layout.hasShortMappedSizes ? Self.mappedByteCount - 16 : Self.mappedByteCount
    put(header | 2, at: Self.mappedStart + 8)
    let count = Self.parameters + UInt64(layout.mappedCount)
    put(count % 8 == 0 ? 1 : 1 << 32, at: count & ~7)
    put(Self.mappedByteCount, at: Self.parameters + UInt64(layout.mappedByteCount))
    put(Self.heapStart, at: Self.parameters + UInt64(layout.breakBase))
  }
}

extension SyntheticHeap {
  /// Chunks of all kinds and many sizes.
  static func random(_ layout: GlibcLayout, _ generator: inout SeededGenerator) -> SyntheticHeap {
    var left: UInt64 = 0x20000
    var chunks: [Chunk] = []
    while left > 0x2000 {
      let use = generator.pick(Use.allCases)
      let limit: UInt64 =
        switch use {
        case .held: 0x200
        case .cached: 0x41
        case .fast: 8
        case .binned: 0x100
        }
      let byteCount = UInt64.random(in: 2..<limit, using: &generator) * 16
      guard byteCount < left else { break }
      left -= byteCount
      let isKnown = use != .fast || layout.fastBins != nil
      chunks.append(Chunk(byteCount: byteCount, use: isKnown ? use : .held))
    }
    return SyntheticHeap(layout, chunks)
  }
}
