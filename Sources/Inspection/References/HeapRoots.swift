import AllocationModel
import LinuxSystem
import Processes

/// One word outside of the heap that is an address in a block.
package struct HeapRoot: Hashable, Sendable {
  package enum Location: Hashable, Sendable {
    /// Address of the word.
    case memory(UInt64)
    /// Positions in `ProcessImage.threads` and in `ThreadRegisters.names`.
    case register(thread: UInt16, number: UInt8)
  }

  /// Position of the block in the walk.
  package var block: Int32
  /// Whether it is the block's own address rather than one within.
  package var isToStart: Bool
  /// Whether a program's own word is known to be there; see `HeapWalk.unknownRanges`.
  package var isCertain = true
  package var location: Location
}

/// What a program holds without the help of a block: registers, stacks, thread-local and global variables, and other
/// private memory of its own.
///
/// No roots are what the allocator itself knows of blocks, and what lies below a stack pointer. Of a thread that was
/// interrupted in its own code the 128 bytes below are in use, too (the red zone, System V ABI for AMD64 3.2.2).
package struct HeapRoots: Sendable {
  /// First the registers, then ascending by address; a block may be rooted more than once.
  package private(set) var all: [HeapRoot] = []

  /// Blocks to whose first byte a root points; a block may be listed more than once.
  package var startRooted: [Int] {
    all.lazy.filter { $0.isToStart && $0.isCertain }.map { Int($0.block) }
  }
  /// Blocks into whose middle a root points, or that a word points to which may be a holder's.
  package var interiorRooted: [Int] {
    all.lazy.filter { !$0.isToStart || !$0.isCertain }.map { Int($0.block) }
  }

  package init(of image: ProcessImage, _ walk: HeapWalk, _ index: BlockIndex) {
    addRegisters(of: image, index)
    let stacks = ThreadStacks(of: image)
    let excluded = AddressRuns(merging: walk.heapRanges + walk.allocatorRanges + stacks.unused)
    let scanned = AddressRuns(merging: image.regions.flatMap { $0.isCopied ? $0.own : [] })
      .subtracting(excluded)
    let unknown = AddressRuns(merging: walk.unknownRanges)
    let parts = scanned.parts(within: image.regions, of: Self.partByteCount)
    all += SharedWork.results(count: parts.count) {
      Self.scan(parts[$0], image, index, isCertain: !unknown.contains(parts[$0].lowerBound))
    }
    .flatMap { $0 }
  }

  /// Bytes of a part of memory that one thread reads; a multiple of a word.
  private static let partByteCount: UInt64 = 1 << 20

  /// They hold no addresses of the program's blocks, or numbers that only look like some.
  static let systemRegisters: Set<String> = [
    "orig_rax", "cs", "eflags", "ss", "ds", "es", "fs", "gs",
  ]

  private mutating func addRegisters(of image: ProcessImage, _ index: BlockIndex) {
    for (number, thread) in image.threads.enumerated() {
      for (register, name) in ThreadRegisters.names.enumerated()
      where !Self.systemRegisters.contains(name) {
        let value = thread.registers.values[register]
        guard let block = index.block(at: value) else { continue }
        all.append(
          HeapRoot(
            block: Int32(block),
            // A stack that was allocated is a block that is in use.
            isToStart: name == "rsp" || index.isStart(value, of: block),
            location: .register(
              thread: UInt16(clamping: number), number: UInt8(register))))
      }
    }
  }

  /// - Parameter range: in one region.
  private static func scan(
    _ range: Range<UInt64>, _ image: ProcessImage, _ index: BlockIndex, isCertain: Bool
  ) -> [HeapRoot] {
    let aligned = (range.lowerBound + 7) & ~7
    guard aligned < range.upperBound else { return [] }
    var roots: [HeapRoot] = []
    image.withBytes(of: aligned..<range.upperBound) { bytes in
      index.forEachReference(in: bytes) { offset, block, isToStart in
        roots.append(
          HeapRoot(
            block: Int32(block), isToStart: isToStart, isCertain: isCertain,
            location: .memory(aligned + UInt64(offset))))
      }
    }
    return roots
  }
}

extension AddressRuns {
  /// The runs, cut where regions end and at multiples of a limit.
  fileprivate func parts(within regions: [ImageRegion], of limit: UInt64) -> [Range<UInt64>] {
    var parts: [Range<UInt64>] = []
    var region = 0
    for run in runs {
      var start = run.lowerBound
      while start < run.upperBound {
        while region < regions.count, regions[region].mapping.end <= start { region += 1 }
        guard region < regions.count else { return parts }
        let end = min(run.upperBound, regions[region].mapping.end)
        parts += (start..<end).pieces(of: limit)
        start = end
      }
    }
    return parts
  }
}
