import AllocationModel
import LinuxSystem
import Processes

/// Leaves of memory what leads somewhere, so that what holds what can be found out without the contents.
///
/// A word of a block or outside of the heap stays if it is an address of the process's own memory or files; all else
/// reads as zero: text, numbers, and what lies in free memory and below stack pointers. A number may look like an address
/// and stay.
struct AddressMask: Sendable {
  private let image: ProcessImage
  private let blocks: [HeapBlock]
  /// What is looked at beside blocks.
  private let rest: AddressRuns
  /// All that is mapped, adjacent mappings as one.
  private let mapped: [Range<UInt64>]
  /// Words that stay as they are: by its id is known that a thread has not ended (`ThreadStacks`).
  private let kept: [UInt64]

  init(_ image: ProcessImage, _ walk: HeapWalk) {
    self.image = image
    blocks = walk.blocks
    mapped = AddressRuns(merging: image.regions.map(\.range)).runs
    rest = AddressRuns(merging: image.regions.flatMap { $0.isCopied ? $0.own : [] })
      .subtracting(
        AddressRuns(
          merging: walk.heapRanges + walk.allocatorRanges + ThreadStacks(of: image).unused))
    kept = image.threads.map { $0.registers.threadPointer &+ ThreadStacks.threadIDOffset }.sorted()
  }

  /// A thread with those of its registers that are addresses, and those that are the system's.
  func masked(_ thread: ThreadState) -> ThreadState {
    var thread = thread
    var cursor = 0
    thread.registers = ThreadRegisters(
      values: zip(ThreadRegisters.names, thread.registers.values).map { name, value in
        HeapRoots.systemRegisters.contains(name) || isMapped(value, &cursor) ? value : 0
      })
    return thread
  }

  /// The bytes of a range that lies in one region.
  func bytes(of range: Range<UInt64>) -> [UInt8] {
    let byteCount = Int(range.upperBound - range.lowerBound)
    let masked = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
      let target = UnsafeMutableRawBufferPointer(buffer)
      _ = target.initializeMemory(as: UInt8.self, repeating: 0)
      filled = byteCount
      image.withBytes(of: range) { contents in copy(contents, of: range, to: target) }
    }
    return masked
  }

  private func copy(
    _ contents: RawSpan, of range: Range<UInt64>, to target: UnsafeMutableRawBufferPointer
  ) {
    let start = range.lowerBound
    var cursor = 0
    func copyAddresses(from first: UInt64, to end: UInt64) {
      var offset = Int((max(first, start) + 7) & ~7 - start)
      let limit = Int(min(end, range.upperBound) - start)
      while offset + 8 <= limit {
        let word = contents.word(at: offset)
        if word != 0, isMapped(word, &cursor) {
          target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
        }
        offset += 8
      }
    }
    var run = rest.runs.endOfPrefix { $0.upperBound <= start }
    while run < rest.runs.count, rest.runs[run].lowerBound < range.upperBound {
      copyAddresses(from: rest.runs[run].lowerBound, to: rest.runs[run].upperBound)
      run += 1
    }
    var block = blocks.endOfPrefix { $0.address + $0.byteCount <= start }
    while block < blocks.count, blocks[block].address < range.upperBound {
      copyAddresses(
        from: blocks[block].address, to: blocks[block].address + blocks[block].byteCount)
      block += 1
    }
    for address in kept where address >= start && address <= range.upperBound - 8 {
      let offset = Int(address - start)
      target.storeBytes(of: contents.word(at: offset), toByteOffset: offset, as: UInt64.self)
    }
  }

  /// - Parameter cursor: where the last address was found; neighbours often lead to the same mapping.
  @inline(__always)
  private func isMapped(_ address: UInt64, _ cursor: inout Int) -> Bool {
    guard let first = mapped.first, let last = mapped.last, address >= first.lowerBound,
      address < last.upperBound
    else { return false }
    if mapped[cursor].contains(address) { return true }
    let index = mapped.endOfPrefix { $0.upperBound <= address }
    guard mapped[index].lowerBound <= address else { return false }
    cursor = index
    return true
  }
}
