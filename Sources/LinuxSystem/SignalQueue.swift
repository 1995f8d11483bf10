import CLinux
import Glibc
package import SystemPackage

/// One signal as something to ask for instead of something that interrupts.
///
/// Make it before any thread starts: only threads created later inherit the blocked signal. The corresponding C function
/// is `signalfd`.
package struct SignalQueue: ~Copyable {
  private let owned: OwnedDescriptor

  package init(_ signal: Int32) throws(Errno) {
    owned = try OwnedDescriptor.checking(linux_block_signal(signal))
  }

  /// Whether the signal has come since this was asked last.
  package func take() -> Bool {
    var information = signalfd_siginfo()
    return read(owned.rawValue, &information, MemoryLayout<signalfd_siginfo>.size) > 0
  }
}
