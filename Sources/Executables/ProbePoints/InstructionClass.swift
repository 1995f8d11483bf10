/// The instruction forms that a uprobe treats differently, told apart by their exact bytes.
///
/// A form with any prefix beyond those named here is `other`: the kernel's tables
/// (`arch/x86/kernel/uprobes.c`, `branch_setup_xol_ops` and `push_setup_xol_ops`) refuse `0x66` on
/// branches, and emulate a push only bare or with REX `0x41`.
package enum InstructionClass: String, CaseIterable, Hashable, Sendable {
  /// `50+r`: push rax … rdi.
  case push = "push"
  /// `41 50+r`: push r8 … r15.
  case pushExtended = "push with REX"
  /// `EB rel8`
  case jumpShort = "jmp rel8"
  /// `E9 rel32`
  case jumpNear = "jmp rel32"
  /// `70+cc rel8`
  case branchShort = "jcc rel8"
  /// `0F 80+cc rel32`
  case branchNear = "jcc rel32"
  /// `E8 rel32`
  case call = "call rel32"
  /// `90`
  case nop = "nop"
  /// Any longer nop. Never a probe point; see `ProbePointSelector`.
  case longNop = "multi-byte nop"
  /// `F3 0F 1E FA`
  case endbr64 = "endbr64"
  /// Everything else.
  case other = "other"

  /// Classifies one whole instruction.
  init(bytes: ArraySlice<UInt8>, isNop: Bool) {
    let first = bytes.first ?? 0
    let second = bytes.dropFirst().first ?? 0
    self =
      switch (bytes.count, first, second) {
      case (1, 0x50...0x57, _): .push
      case (2, 0x41, 0x50...0x57): .pushExtended
      case (2, 0xeb, _): .jumpShort
      case (5, 0xe9, _): .jumpNear
      case (2, 0x70...0x7f, _): .branchShort
      case (6, 0x0f, 0x80...0x8f): .branchNear
      case (5, 0xe8, _): .call
      case (1, 0x90, _): .nop
      case (4, 0xf3, 0x0f) where bytes.elementsEqual([0xf3, 0x0f, 0x1e, 0xfa]): .endbr64
      case _ where isNop: .longNop
      default: .other
      }
  }
}
