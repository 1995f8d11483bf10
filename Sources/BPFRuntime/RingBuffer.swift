import CLibBPF
import Glibc

/// Takes records out of a ring buffer map. The corresponding C type is `struct ring_buffer`.
package final class RingBuffer {
  /// Called for each record, on the thread that calls `drain`; the bytes are valid during the call only.
  package typealias Handler = (UnsafeRawBufferPointer) -> Void

  private var ring: OpaquePointer?
  private let handler: Handler

  package init(_ map: BPFMap, handler: @escaping Handler) throws(BPFError) {
    self.handler = handler
    let context = Unmanaged.passUnretained(self).toOpaque()
    ring = ring_buffer__new(map.descriptor, forwardRingBufferRecord, context, nil)
    guard ring != nil else { throw BPFError(attempt: "open ring buffer \(map.name)", code: errno) }
  }

  deinit {
    ring_buffer__free(ring)
  }

  /// Readable when there are records.
  package var descriptor: Int32 { ring_buffer__epoll_fd(ring) }

  /// Handles all records there are and returns how many.
  @discardableResult
  package func drain() -> Int { Int(ring_buffer__consume(ring)) }

  fileprivate func receive(_ bytes: UnsafeRawBufferPointer) { handler(bytes) }
}

@c
private func forwardRingBufferRecord(
  _ context: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ size: Int
) -> Int32 {
  guard let context, let data else { return 0 }
  Unmanaged<RingBuffer>.fromOpaque(context).takeUnretainedValue()
    .receive(UnsafeRawBufferPointer(start: data, count: size))
  return 0
}
