import CLinux
import Glibc
package import SystemPackage

/// A process that works for this one, killed with its owner. The corresponding C function is `posix_spawn`.
///
/// It inherits nothing but its end of `socket`, as descriptor `socketDescriptor`.
package struct HelperProcess: ~Copyable {
  package static let socketDescriptor: Int32 = 3

  package let pid: Int32
  package let socket: PacketSocket

  /// Starts the program at `path`; `arguments` begin with its name.
  package init(path: String, arguments: [String]) throws(Errno) {
    let (near, far) = try PacketSocket.pair()
    let socket = PacketSocket(owning: OwnedDescriptor(owning: near))
    let farEnd = OwnedDescriptor(owning: far)
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    let child = linux_spawn_helper(path, pointers, farEnd.rawValue, Self.socketDescriptor)
    guard child > 0 else { throw Errno.current }
    pid = child
    self.socket = socket
  }

  deinit {
    // It ends by itself when its socket does. One that has become another user may be killed with CAP_KILL only, and
    // is waited for no longer than a second without: then its own deadline ends it.
    socket.shutDown()
    let isKilled = kill(pid, SIGKILL) == 0
    var status: Int32 = 0
    for _ in 0..<100 {
      let result = waitpid(pid, &status, isKilled ? 0 : WNOHANG)
      if result == pid || (result < 0 && errno != EINTR) { return }
      if !isKilled { usleep(10_000) }
    }
  }
}
