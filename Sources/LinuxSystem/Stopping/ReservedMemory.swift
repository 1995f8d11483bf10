import CLinux
import Glibc
package import SystemPackage

/// Address space of heaptap that reads as zero and costs nothing until it is written; freed with its owner.
///
/// Written only before anybody reads: that its users keep to this makes it safe to send.
package final class ReservedMemory: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  package let byteCount: Int

  /// - Parameter byteCount: > 0.
  package init(byteCount: Int) throws(Errno) {
    guard let memory = linux_reserve_memory(byteCount) else { throw Errno.current }
    base = memory
    self.byteCount = byteCount
  }

  deinit { munmap(base, byteCount) }

  /// Gets pages for a range at once, which is cheaper than one by one while a target waits. Failure costs time only.
  package func populate(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    _ = linux_populate_memory(base + range.lowerBound, range.count)
  }

  /// Copies from the memory of a process to `range`: the bytes copied, fewer where a page can't be read. The
  /// corresponding C function is `process_vm_readv`.
  package func copy(
    from pid: Int32, at address: UInt64, to range: Range<Int>
  ) throws(Errno) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    let count = linux_read_memory(pid, address, base + range.lowerBound, range.count)
    guard count >= 0 else { throw Errno.current }
    return count
  }

  /// Copies literal bytes to the start.
  package func fill(with bytes: [UInt8]) {
    bytes.withUnsafeBytes { source in
      precondition(source.count <= byteCount)
      if let address = source.baseAddress { memcpy(base, address, source.count) }
    }
  }

  /// Lets `body` write to a range.
  package func write<Result>(
    to range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) -> Result
  ) -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    return body(UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  package func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(RawSpan(_unsafeStart: base, byteCount: byteCount))
  }
}
