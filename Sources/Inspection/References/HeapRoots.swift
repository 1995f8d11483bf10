import LinuxSystem
import Processes

/// What a program holds without the help of a block: registers, stacks, thread-local and global variables, and other
/// private memory of its own.
///
/// No roots are what the allocator itself knows of blocks, and what lies below a stack pointer. Of a thread that was
/// interrupted in its own code the 128 bytes below are in use, too (the red zone, System V ABI for AMD64 3.2.2).
package struct HeapRoots: Sendable {
  private static let redZone: UInt64 = 128

  /// Blocks to whose first byte a root points; a block may be listed more than once.
  package private(set) var startRooted: [Int] = []
  /// Blocks into whose middle a root points.
  package private(set) var interiorRooted: [Int] = []

  package init(of image: ProcessImage, _ walk: HeapWalk, _ index: BlockIndex) {
    var excluded = walk.heapRanges + walk.allocatorRanges
    for thread in image.threads {
      let sp = thread.registers["rsp"] ?? 0
      for (name, value) in zip(ThreadRegisters.names, thread.registers.values)
      where !Self.systemRegisters.contains(name) {
        note(value, index)
      }
      // A stack that was allocated is a block that is in use.
      if let block = index.block(at: sp) {
        startRooted.append(block)
      } else if let region = image.regionIndex(at: sp) {
        let used = thread.registers.isInSystemCall ? sp : sp - Self.redZone
        let start = image.regions[region].mapping.start
        if used > start { excluded.append(start..<used) }
      }
    }
    excluded.sort { $0.lowerBound < $1.lowerBound }
    for region in image.regions where region.isCopied {
      for run in region.written { scan(run, without: excluded, image, index) }
    }
  }

  /// They hold no addresses of the program's blocks, or numbers that only look like some.
  private static let systemRegisters: Set<String> = [
    "orig_rax", "cs", "eflags", "ss", "ds", "es", "fs", "gs",
  ]

  /// Scans what is left of a run of pages; `excluded` is ascending by start.
  private mutating func scan(
    _ run: Range<UInt64>, without excluded: [Range<UInt64>], _ image: ProcessImage,
    _ index: BlockIndex
  ) {
    var start = run.lowerBound
    var low = 0
    var high = excluded.count
    // Ranges that begin before the run may reach into it; none is longer than its mapping.
    while low < high {
      let middle = (low + high) / 2
      if excluded[middle].lowerBound < run.upperBound { low = middle + 1 } else { high = middle }
    }
    for range in excluded[..<low] where range.upperBound > start {
      if range.lowerBound > start { scan(start..<range.lowerBound, image, index) }
      start = max(start, range.upperBound)
      if start >= run.upperBound { return }
    }
    scan(start..<run.upperBound, image, index)
  }

  private mutating func scan(
    _ range: Range<UInt64>, _ image: ProcessImage, _ index: BlockIndex
  ) {
    let aligned = (range.lowerBound + 7) & ~7
    guard aligned < range.upperBound else { return }
    image.withBytes(of: aligned..<range.upperBound) { bytes in
      var offset = 0
      while offset + 8 <= bytes.byteCount {
        note(bytes.word(at: offset), index)
        offset += 8
      }
    }
  }

  private mutating func note(_ word: UInt64, _ index: BlockIndex) {
    guard let block = index.block(at: word) else { return }
    if index.isStart(word, of: block) {
      startRooted.append(block)
    } else {
      interiorRooted.append(block)
    }
  }
}
