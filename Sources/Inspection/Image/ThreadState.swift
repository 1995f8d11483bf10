package import LinuxSystem

/// A thread as it was when its process was stopped.
package struct ThreadState: Sendable {
  package var tid: Int32
  package var registers: ThreadRegisters
  /// As `pthread_setname_np(3)` has it, at most 15 bytes; nil where it could not be read.
  package var name: String?

  package init(tid: Int32, registers: ThreadRegisters, name: String? = nil) {
    self.tid = tid
    self.registers = registers
    self.name = name
  }
}
