import CLinux
import Glibc
package import SystemPackage

/// The records that the kernel writes for one perf event. The corresponding C function is `perf_event_open`.
package struct PerfRing: ~Copyable {
  private let descriptor: OwnedDescriptor
  private let memory: UnsafeMutableRawPointer
  private let byteCount: Int
  private var record: [UInt8] = []

  private init(
    _ descriptor: consuming OwnedDescriptor, memory: UnsafeMutableRawPointer, _ size: Int
  ) {
    self.descriptor = descriptor
    self.memory = memory
    byteCount = size
  }

  /// Records every executable mapping that is made on a CPU, in 128 KiB: that of some hundred programs started.
  ///
  /// Its records are of the types `PERF_RECORD_MMAP2` and `PERF_RECORD_LOST`, and end with their time by
  /// CLOCK_MONOTONIC in nanoseconds.
  package static func mappingEvents(cpu: Int32) throws(Errno) -> PerfRing {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let ring = 32 * page
    let descriptor = try OwnedDescriptor.checking(
      linux_mapping_events_open(cpu, UInt32(ring / 2)))
    let size = page + ring
    let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.rawValue, 0)
    guard let memory, memory != MAP_FAILED else { throw Errno.current }
    return PerfRing(descriptor, memory: memory, size)
  }

  /// Readable when the ring is half full.
  package var rawDescriptor: Int32 { descriptor.rawValue }

  deinit {
    munmap(memory, byteCount)
  }

  /// Hands over all records there are: header (perf_event_open(2), struct perf_event_header) and body.
  package mutating func drain(_ body: (RawSpan) -> Void) {
    let ring = linux_perf_ring_state(memory)
    let size = Int(ring.data_size)
    guard size > 0, size & (size - 1) == 0, Int(ring.data_offset) + size <= byteCount else {
      return
    }
    let data = UnsafeRawBufferPointer(start: memory + Int(ring.data_offset), count: size)
    var tail = ring.tail
    while tail < ring.head {
      // A header is aligned to 8 bytes and so never split.
      let start = Int(truncatingIfNeeded: tail) & (size - 1)
      let length = Int(data.load(fromByteOffset: start + 6, as: UInt16.self))
      guard length >= 8, tail + UInt64(length) <= ring.head else { break }
      record.removeAll(keepingCapacity: true)
      let first = min(length, size - start)
      record += data[start..<start + first]
      record += data[..<(length - first)]
      body(record.span.bytes)
      tail += UInt64(length)
    }
    linux_perf_ring_release(memory, ring.head)
  }
}
