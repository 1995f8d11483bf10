package import LinuxSystem

/// A thread as it was when its process was stopped.
package struct ThreadState: Sendable {
  package var tid: Int32
  package var registers: ThreadRegisters

  package init(tid: Int32, registers: ThreadRegisters) {
    self.tid = tid
    self.registers = registers
  }
}
