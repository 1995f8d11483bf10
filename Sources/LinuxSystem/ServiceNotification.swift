import CLinux
import Glibc

/// Tells the service manager how the daemon is, if one started it (sd_notify(3)).
package struct ServiceNotification: Sendable {
  private let socket: String?

  /// From the variable `NOTIFY_SOCKET`, which is removed, so that children don't speak for the daemon.
  package init() {
    socket = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
    unsetenv("NOTIFY_SOCKET")
  }

  package func ready(status: String) { send("READY=1\nSTATUS=\(status)") }
  package func status(_ status: String) { send("STATUS=\(status)") }
  package func stopping() { send("STOPPING=1") }
  /// Between this and `ready` the manager counts it as reloading.
  package func reloading() {
    send("RELOADING=1\nMONOTONIC_USEC=\(SystemClock.monotonicNanoseconds / 1000)")
  }

  /// A manager that doesn't listen is none to wait for.
  private func send(_ message: String) {
    guard let socket else { return }
    _ = linux_send_datagram(socket, message, message.utf8.count)
  }
}
