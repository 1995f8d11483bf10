import LinuxSystem
import Processes

/// Where the threads of an image have their stacks, and what of these is in use.
///
/// A thread that the C library made has its control block in the same mapping as its stack, above it, with its
/// thread-local variables in between (ELF TLS ABI, variant II); stacks may be merged into one mapping (guard pages
/// inside of it: glibc 2.42 on Linux 6.13). The main thread has `[stack]`. A stack pointer elsewhere is of a program that
/// switches stacks itself: nothing is known of what lies below.
package struct ThreadStacks: Sendable {
  private static let redZone: UInt64 = 128
  /// `sizeof (struct pthread)` of glibc 2.36, rounded up to a page's half; larger in none up to 2.43.
  package static let controlBlockByteCount: UInt64 = 2304

  package struct Stack: Hashable, Sendable {
    /// Position in `ProcessImage.threads`.
    package var thread: Int
    /// From the stack pointer, or its red zone, to the thread pointer or the end of the mapping.
    package var used: Range<UInt64>
    /// The thread pointer lies above, in the same mapping.
    package var hasControlBlock: Bool
  }

  /// Ascending by address.
  package private(set) var stacks: [Stack] = []
  /// Below the stacks: no longer in use, or not yet; and the stacks that the C library keeps of threads that have ended.
  package private(set) var unused: [Range<UInt64>] = []

  package init(of image: ProcessImage) {
    for (number, thread) in image.threads.enumerated() {
      let pointer = thread.registers["rsp"] ?? 0
      guard let region = image.regionIndex(at: pointer) else { continue }
      let mapping = image.regions[region].mapping
      let control = thread.registers.threadPointer
      let hasControlBlock = mapping.contains(control) && control > pointer
      let lowest =
        thread.registers.isInSystemCall ? pointer : pointer - min(pointer, Self.redZone)
      stacks.append(
        Stack(
          thread: number,
          used: max(lowest, mapping.start)..<(hasControlBlock ? control : mapping.end),
          hasControlBlock: hasControlBlock))
    }
    stacks.sort { $0.used.lowerBound < $1.used.lowerBound }
    for (position, stack) in stacks.enumerated() {
      if position + 1 < stacks.count {
        let next = stacks[position + 1].used.lowerBound
        stacks[position].used = stack.used.lowerBound..<min(stack.used.upperBound, next)
      }
      guard let region = image.regionIndex(at: stack.used.lowerBound) else { continue }
      let mapping = image.regions[region].mapping
      guard stack.hasControlBlock || mapping.path == "[stack]" else { continue }
      var start = mapping.start
      if position > 0, mapping.contains(stacks[position - 1].used.lowerBound) {
        let below = stacks[position - 1]
        start =
          below.used.upperBound + (below.hasControlBlock ? Self.controlBlockByteCount : 0)
      }
      if start < stack.used.lowerBound { unused.append(start..<stack.used.lowerBound) }
    }
    unused += image.regions.flatMap { Self.keptStacks(in: $0, image) }
  }

  /// Where in a control block its own address is, twice (`tcbhead_t`), and the thread's id, which is 0 when
  /// the thread has ended and −1 when it was joined (`struct pthread` of glibc 2.26 to 2.43).
  private static let selfOffsets: [UInt64] = [0, 16]
  static let threadIDOffset: UInt64 = 720

  /// Heaps of arenas begin at multiples of this (HEAP_MAX_SIZE of glibc 2.26 to 2.43, without huge pages), so that no stack
  /// reaches over one.
  private static let heapAlignment: UInt64 = 64 << 20

  /// The stacks of threads that have ended: glibc keeps up to 40 MiB of them for threads to come
  /// (`glibc.pthread.stack_cache_size`).
  ///
  /// Each ends with a control block; what the kernel has mapped right behind it may be part of the same region, such as a
  /// heap, or the thread-local variables of the main thread.
  private static func keptStacks(in region: ImageRegion, _ image: ProcessImage) -> [Range<UInt64>] {
    guard region.isAnonymous else { return [] }
    var stacks: [Range<UInt64>] = []
    var start = region.mapping.start
    for control in controlBlocks(in: region) {
      start = max(start, control / heapAlignment * heapAlignment)
      if let word = image.word(at: control + threadIDOffset), Int32(truncatingIfNeeded: word) <= 0,
        start < control
      {
        stacks.append(start..<control)
      }
      start = control + controlBlockByteCount
    }
    return stacks
  }

  /// Control blocks of threads that run or have ended, ascending.
  private static func controlBlocks(in region: ImageRegion) -> [UInt64] {
    guard let memory = region.memory, let last = selfOffsets.last else { return [] }
    var found: [UInt64] = []
    memory.withBytes { bytes in
      for run in region.own {
        for address in stride(from: run.lowerBound, to: run.upperBound - last, by: 64) {
          let offset = Int(address - region.mapping.start)
          if selfOffsets.allSatisfy({ bytes.word(at: offset + Int($0)) == address }) {
            found.append(address)
          }
        }
      }
    }
    return found
  }
}
