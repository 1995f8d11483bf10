/// The instruction a uprobe sits on.
///
/// At every probe point the argument registers hold what the caller passed, nothing was called yet, and
/// the return address is at `(%rsp)`, so a return probe may be set there too.
package struct ProbePoint: Hashable, Sendable {
  /// What the kernel does with the instruction under the breakpoint.
  package enum Execution: String, Hashable, Sendable {
    /// Done by the kernel inside the one trap.
    case emulated
    /// Run out of line, which costs a second trap.
    case singleStepped = "single-stepped"
  }

  /// Why no emulated instruction could be used.
  ///
  /// Offsets are bytes from the function's entry.
  package enum Obstacle: Hashable, Sendable {
    case argumentRegisterWritten(at: Int)
    case stackPointerChanged(at: Int)
    case call(at: Int)
    case systemCall(at: Int)
    case functionEnds(at: Int)
    case indirectJump(at: Int)
    /// A branch that this kernel single-steps.
    case branchNotEmulated(at: Int)
    /// A jump inside the function leads to this offset, so a probe from there on counts too often.
    case reachedByJump(at: Int)
    case undecodable(at: Int)
    case trap(at: Int)
    /// None among the first `ProbePointSelector.instructionLimit` instructions.
    case noneInReach
    /// The function is too long to be searched for jumps.
    case functionTooLong
  }

  /// Bytes from the function's entry, ≥ 0.
  package var offset: Int
  /// Virtual address in the module (ELF `p_vaddr` space): entry + offset.
  package var address: UInt64
  package var instructionClass: InstructionClass
  package var execution: Execution
  /// Nanoseconds for one hit of an empty probe; nil where the class was not measured.
  package var nanoseconds: Double?
  /// Why a dearer instruction was taken; nil for an emulated one.
  package var obstacle: Obstacle?
  /// The function's first bytes, at most 16, for `doctor`.
  package var entryBytes: [UInt8]

  package init(
    offset: Int,
    address: UInt64,
    instructionClass: InstructionClass,
    execution: Execution,
    nanoseconds: Double? = nil,
    obstacle: Obstacle? = nil,
    entryBytes: [UInt8]
  ) {
    self.offset = offset
    self.address = address
    self.instructionClass = instructionClass
    self.execution = execution
    self.nanoseconds = nanoseconds
    self.obstacle = obstacle
    self.entryBytes = entryBytes
  }
}

extension ProbePoint.Obstacle: CustomStringConvertible {
  package var description: String {
    switch self {
    case .argumentRegisterWritten(let offset):
      "the instruction at +\(offset) writes an argument register"
    case .stackPointerChanged(let offset): "the instruction at +\(offset) changes the stack pointer"
    case .call(let offset): "the instruction at +\(offset) calls another function"
    case .systemCall(let offset): "the instruction at +\(offset) is a system call"
    case .functionEnds(let offset): "the function ends at +\(offset)"
    case .indirectJump(let offset): "the instruction at +\(offset) is an indirect jump"
    case .branchNotEmulated(let offset): "the kernel does not emulate the branch at +\(offset)"
    case .reachedByJump(let offset): "a jump inside the function leads to +\(offset)"
    case .undecodable(let offset): "the bytes at +\(offset) are no instruction"
    case .trap(let offset): "the instruction at +\(offset) traps"
    case .noneInReach:
      "none of the first \(ProbePointSelector.instructionLimit) instructions is emulated"
    case .functionTooLong:
      "the function is longer than \(ProbePointSelector.searchedByteCount) bytes"
    }
  }
}
