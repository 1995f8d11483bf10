import AllocationModel
import LinuxSystem
package import Processes
package import SystemPackage

/// The private memory of a process as it was at one instant, and what its threads were about.
///
/// Spans of one mapping are contiguous; pages that were never touched, or that can't be read, read as zero.
package final class ProcessImage: Sendable {
  package let pid: Int32
  /// Ascending by address.
  package let regions: [ImageRegion]
  package let threads: [ThreadState]
  /// How long the process stood still.
  package let pause: Duration
  /// Pages that could not be read.
  package let unreadablePageCount: Int
  /// What the kernel counts as resident, bytes; nil where it was not asked.
  package let residentByteCount: UInt64?

  init(
    pid: Int32, regions: [ImageRegion], threads: [ThreadState], pause: Duration,
    unreadablePageCount: Int, residentByteCount: UInt64? = nil
  ) {
    self.pid = pid
    self.regions = regions
    self.threads = threads
    self.pause = pause
    self.unreadablePageCount = unreadablePageCount
    self.residentByteCount = residentByteCount
  }

  /// An image of literal bytes.
  ///
  /// - Parameter residentPages: how many pages of each mapping count as resident; nil is all of them.
  package static func synthetic(
    pid: Int32 = 1, threads: [ThreadState] = [], residentPages: UInt64? = nil,
    _ contents: [(MemoryMapping, [UInt8])]
  ) throws(Errno) -> ProcessImage {
    var regions: [ImageRegion] = []
    for (mapping, bytes) in contents {
      let memory = try ReservedMemory(byteCount: Int(mapping.byteCount))
      memory.fill(with: bytes)
      let range = mapping.start..<mapping.end
      let resident =
        range
        .lowerBound..<min(
          range.upperBound,
          range.lowerBound + (residentPages ?? .max >> 16) * PagePresence.pageByteCount)
      regions.append(
        ImageRegion(
          mapping: mapping, written: [range], resident: [resident], own: [range], memory: memory))
    }
    regions.sort { $0.mapping.start < $1.mapping.start }
    return ProcessImage(
      pid: pid, regions: regions, threads: threads, pause: .zero,
      unreadablePageCount: 0)
  }

  /// The position in `regions` of what is mapped at an address.
  package func regionIndex(at address: UInt64) -> Int? {
    let low = regions.endOfPrefix { $0.mapping.end <= address }
    return low < regions.count && regions[low].mapping.start <= address ? low : nil
  }

  /// Eight bytes at any address; nil outside what was copied.
  package func word(at address: UInt64) -> UInt64? {
    guard let index = regionIndex(at: address) else { return nil }
    return word(at: address, in: index)
  }

  /// Eight bytes in a region that is known already.
  func word(at address: UInt64, in index: Int) -> UInt64? {
    let region = regions[index]
    guard let memory = region.memory, address >= region.mapping.start,
      region.mapping.end - 8 >= address, !region.isPartial || region.holds(address..<address + 8)
    else { return nil }
    let offset = Int(address - region.mapping.start)
    return memory.withBytes { $0.word(at: offset) }
  }

  /// The bytes of a range that lies in one region; nil where it does not, or where nothing was copied.
  package func withBytes<Result, Failure: Error>(
    of range: Range<UInt64>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let index = regionIndex(at: range.lowerBound), let memory = regions[index].memory,
      regions[index].holds(range)
    else { return nil }
    let start = Int(range.lowerBound - regions[index].mapping.start)
    let count = Int(range.upperBound - range.lowerBound)
    return try memory.withBytes { (bytes) throws(Failure) in
      try body(bytes.extracting(start..<start + count))
    }
  }
}

extension RawSpan {
  /// Eight bytes, least significant first; the offset is checked.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }
}
