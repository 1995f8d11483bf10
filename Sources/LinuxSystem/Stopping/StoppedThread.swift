import CLinux
import Glibc

/// One thread that ptrace(2) holds.
package struct StoppedThread: Sendable {
  package let tid: Int32
  /// As the thread left them, before any repair.
  package let registers: ThreadRegisters
  /// A signal that was on its way when the thread stopped; it is handed over when the thread goes on. 0: none.
  private let heldSignal: Int32
  /// What to put back if a signal wants its interruption after all.
  private var unrepaired: user_regs_struct?

  /// Takes a thread that has just stopped, and repairs its system call; nil if it ended.
  init?(tid: Int32, heldSignal: Int32) {
    var registers = user_regs_struct()
    guard linux_ptrace_registers(tid, &registers) == 0 else { return nil }
    self.tid = tid
    self.heldSignal = heldSignal
    self.registers = ThreadRegisters(registers)
    guard Self.wasInterrupted(registers), !Self.awaitsHandler(tid, held: heldSignal) else { return }
    unrepaired = registers
    var repaired = registers
    repaired.rip &-= Self.systemCallByteCount
    repaired.rax = registers.orig_rax
    repaired.orig_rax = .max
    _ = linux_ptrace_set_registers(tid, &repaired)
  }

  /// Whether it may make a system call now: no signal is on its way to it.
  var canRun: Bool { heldSignal == 0 }

  /// Whether it waits for a time that the kernel counts on its own (ERESTART_RESTARTBLOCK of <linux/errno.h>).
  var isInTimedWait: Bool { registers["rax"].map { Int64(bitPattern: $0) } == -516 }

  /// Lets the thread go on as if nothing had happened.
  func release() {
    // A handler that runs now may count on the call to return EINTR, as one that sets a flag does.
    if var registers = unrepaired, Self.awaitsHandler(tid, held: heldSignal) {
      _ = linux_ptrace_set_registers(tid, &registers)
    }
    _ = linux_ptrace_detach(tid, heldSignal)
  }

  /// Bytes of the instruction `syscall`.
  private static let systemCallByteCount: UInt64 = 2

  /// Whether the stop made a system call return EINTR that the kernel does not restart by itself, as epoll_wait(2),
  /// semop(2), sigtimedwait(2) and calls on sockets with timeouts (signal(7)).
  ///
  /// A call with a timeout begins anew. Not close(2): its descriptor is gone, whatever it returns.
  private static func wasInterrupted(_ registers: user_regs_struct) -> Bool {
    Int64(bitPattern: UInt64(registers.orig_rax)) >= 0
      && Int64(bitPattern: UInt64(registers.rax)) == -Int64(EINTR)
      && registers.orig_rax != closeCall
  }

  /// Its number on x86-64.
  private static let closeCall: UInt64 = 3

  /// Whether a signal waits for this thread that the program has a handler for.
  private static func awaitsHandler(_ tid: Int32, held: Int32) -> Bool {
    let fields = ThreadStatus.fields(of: tid)
    func mask(_ name: String) -> UInt64 { fields[name].flatMap { UInt64($0, radix: 16) } ?? 0 }
    let pending = (mask("SigPnd") | mask("ShdPnd")) & ~mask("SigBlk")
    let onItsWay = held > 0 ? UInt64(1) << UInt64(held - 1) : 0
    return (pending | onItsWay) & mask("SigCgt") != 0
  }
}
