import CLinux
import Glibc
package import SystemPackage

/// Signals as something to read instead of something that interrupts.
///
/// Make it before any thread starts: only threads created later inherit the blocked signals. SIGPIPE is
/// ignored from then on, so a reader that leaves shows as EPIPE. The corresponding C function is `signalfd`.
package struct SignalReader: ~Copyable {
  private let owned: OwnedDescriptor
  package var descriptor: Int32 { owned.rawValue }

  package init(_ signals: [Int32] = [SIGINT, SIGTERM, SIGCHLD]) throws(Errno) {
    signal(SIGPIPE, SIG_IGN)
    owned = try OwnedDescriptor.checking(linux_block_signals(signals, signals.count))
  }

  /// The next pending signal's number, nil if none is pending.
  package func next() -> Int32? {
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    return read(owned.rawValue, &information, size) == size ? Int32(information.ssi_signo) : nil
  }
}
