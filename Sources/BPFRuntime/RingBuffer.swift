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

  private var remaining = 0

  /// Handles the records there are, up to a limit. True: all of them.
  ///
  /// Without a limit this would never come to an end where records come faster than they are handled.
  @discardableResult
  package func drain(limit: Int = .max) -> Bool {
    remaining = limit
    _ = ring_buffer__consume(ring)
    return remaining > 0
  }

  /// False: this one is handled, and no more are to come.
  fileprivate func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    handler(bytes)
    remaining -= 1
    return remaining > 0
  }
}

@c
private func forwardRingBufferRecord(
  _ context: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ size: Int
) -> Int32 {
  guard let context, let data else { return 0 }
  let goesOn = Unmanaged<RingBuffer>.fromOpaque(context).takeUnretainedValue()
    .receive(UnsafeRawBufferPointer(start: data, count: size))
  // A negative result ends `ring_buffer__consume` behind this record.
  return goesOn ? 0 : -1
}
