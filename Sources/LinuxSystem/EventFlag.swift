import CLinux
import Glibc
package import SystemPackage

/// Something that one thread tells another, as a descriptor that is readable until it is cleared. eventfd(2)
package final class EventFlag: Sendable {
  private let owned: OwnedDescriptor
  package var descriptor: Int32 { owned.rawValue }

  package init() throws(Errno) {
    owned = try OwnedDescriptor.checking(eventfd(0, Int32(EFD_CLOEXEC)))
  }

  package func raise() {
    var one: UInt64 = 1
    while write(owned.rawValue, &one, 8) < 0, Errno.current == .interrupted {}
  }

  /// Waits until it is raised, and clears it.
  package func wait() {
    var count: UInt64 = 0
    while read(owned.rawValue, &count, 8) < 0, Errno.current == .interrupted {}
  }

  /// Waits until it is raised or time is up: whether it is raised. The corresponding C function is `poll`.
  package func isRaised(within milliseconds: Int32) -> Bool {
    var state = pollfd(fd: owned.rawValue, events: Int16(POLLIN), revents: 0)
    return poll(&state, 1, milliseconds) > 0
  }

  /// Clears it if it is raised.
  package func clear() {
    if isRaised(within: 0) { wait() }
  }
}
