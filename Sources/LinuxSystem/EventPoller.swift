import CLinux
import Glibc
package import SystemPackage

/// Waits for several descriptors at once. The corresponding C functions are `epoll_create1`, `epoll_ctl`, `epoll_wait`.
package struct EventPoller: ~Copyable {
  private let descriptor: OwnedDescriptor

  package init() throws(Errno) {
    descriptor = try OwnedDescriptor.checking(epoll_create1(Int32(EPOLL_CLOEXEC)))
  }

  /// Reports `token` from `wait` whenever the descriptor has something to read. The descriptor stays the caller's.
  package func add(_ watched: Int32, token: UInt64) throws(Errno) {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = token
    guard epoll_ctl(descriptor.rawValue, EPOLL_CTL_ADD, watched, &event) == 0 else {
      throw Errno.current
    }
  }

  /// Stops watching a descriptor; one that is not watched is ignored.
  package func remove(_ watched: Int32) {
    _ = epoll_ctl(descriptor.rawValue, EPOLL_CTL_DEL, watched, nil)
  }

  /// The tokens that became ready, or none when the timeout passed or a signal arrived.
  ///
  /// - Parameter milliseconds: longest wait, -1 for no limit.
  package func wait(milliseconds: Int32) -> [UInt64] {
    var events = [epoll_event](repeating: epoll_event(), count: 16)
    let count = epoll_wait(descriptor.rawValue, &events, Int32(events.count), milliseconds)
    return count > 0 ? events[..<Int(count)].map(\.data.u64) : []
  }
}
