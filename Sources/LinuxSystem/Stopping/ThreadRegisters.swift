import CLinux

/// The general registers of a stopped thread (`struct user_regs_struct` of x86-64, <sys/user.h>).
package struct ThreadRegisters: Hashable, Sendable {
  /// In the order of the kernel's structure.
  package static let names = [
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi",
    "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs",
    "gs",
  ]

  /// One for each name.
  package let values: [UInt64]

  init(_ registers: user_regs_struct) {
    values = withUnsafeBytes(of: registers) { bytes in
      Self.names.indices.map { bytes.load(fromByteOffset: $0 * 8, as: UInt64.self) }
    }
  }

  package init(values: [UInt64]) {
    precondition(values.count == Self.names.count, "one value for each register")
    self.values = values
  }

  /// The value of a register by its name; nil for a name that is none.
  package subscript(name: String) -> UInt64? {
    Self.names.firstIndex(of: name).map { values[$0] }
  }

  /// Where the thread's control block is: its thread-local variables lie below (ELF TLS ABI, variant II).
  package var threadPointer: UInt64 { self["fs_base"] ?? 0 }

  /// Whether the thread was stopped inside a system call: then nothing below its stack pointer is in use.
  package var isInSystemCall: Bool { Int64(bitPattern: self["orig_rax"] ?? .max) >= 0 }
}
