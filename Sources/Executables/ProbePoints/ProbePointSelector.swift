/// Chooses the cheapest instruction of a function that sees every call once, as its caller made it.
///
/// The scan goes forward from the entry to the first emulated instruction. Up to there nothing may have
/// been called, no argument that is wanted written, and the stack pointer must be what it was at the entry. A
/// direct branch ends the scan; it is itself emulated. Flags don't matter: the kernel restores them.
///
/// A multi-byte nop is never chosen, not even at the entry: Linux 6.18 rewrites a probed 5-byte nop to a
/// `call`, and the return address it pushes overwrites the red zone of a leaf function.
///
/// Two loops are not noticed, and would be counted once a turn: one back to the entry's first byte, which
/// looks like a call, and one to the first instructions through a jump table, which is not followed.
package enum ProbePointSelector {
  /// How many instructions from the entry are looked at.
  package static let instructionLimit = 32
  /// How much of a function is searched for jumps back to its first instructions.
  package static let searchedByteCount = 64 << 10

  /// Chooses the probe point of the function whose machine code is `code`.
  ///
  /// `code` holds all bytes of the function, from its entry to its end; `entry` is the function's virtual
  /// address in its module. `argumentCount` is how many of its integer arguments, from the first on, are wanted: the
  /// other argument registers may have been written.
  ///
  /// - Throws: `ExecutableError.noProbePoint` where no instruction can carry a probe.
  package static func select(
    code: [UInt8],
    entry: UInt64,
    profile: EmulationProfile,
    argumentCount: Int = RegisterSet.argumentsInOrder.count
  ) throws(ExecutableError) -> ProbePoint {
    let arguments = RegisterSet(RegisterSet.argumentsInOrder.prefix(argumentCount))
    let jumpTarget = firstJumpTarget(in: code)
    let obstacle: ProbePoint.Obstacle
    switch scan(code, firstJumpTarget: jumpTarget, profile: profile, arguments: arguments) {
    case .found(let instruction):
      return point(at: instruction, code, entry, profile)
    case .stopped(let reason): obstacle = reason
    }
    guard let fallback = firstProbeable(in: code, firstJumpTarget: jumpTarget) else {
      throw .noProbePoint(entry: entry, obstacle: obstacle)
    }
    var chosen = point(at: fallback, code, entry, profile)
    chosen.obstacle = obstacle
    return chosen
  }

  private enum Outcome {
    case found(Instruction)
    case stopped(ProbePoint.Obstacle)
  }

  private static func scan(
    _ code: [UInt8],
    firstJumpTarget: Int?,
    profile: EmulationProfile,
    arguments: RegisterSet
  ) -> Outcome {
    var offset = 0
    for _ in 0..<instructionLimit {
      guard offset < code.count else { return .stopped(.functionEnds(at: offset)) }
      guard let instruction = Instruction(code: code, at: offset) else {
        return .stopped(.undecodable(at: offset))
      }
      if let firstJumpTarget, offset >= firstJumpTarget {
        return .stopped(.reachedByJump(at: firstJumpTarget))
      }
      if offset > 0, code.count > searchedByteCount { return .stopped(.functionTooLong) }
      let candidate = instruction.instructionClass
      if candidate != .longNop, profile.emulates(candidate) { return .found(instruction) }
      if let obstacle = obstacle(behind: instruction, arguments: arguments) {
        return .stopped(obstacle)
      }
      offset = instruction.end
    }
    return .stopped(.noneInReach)
  }

  /// Why the scan must not go on behind an instruction; nil where it may.
  private static func obstacle(
    behind instruction: Instruction, arguments: RegisterSet
  ) -> ProbePoint.Obstacle? {
    let offset = instruction.offset
    switch instruction.flow {
    case .call: return .call(at: offset)
    case .return: return .functionEnds(at: offset)
    case .systemCall: return .systemCall(at: offset)
    case .directBranch: return .branchNotEmulated(at: offset)
    case .indirectJump: return .indirectJump(at: offset)
    case .trap: return .trap(at: offset)
    case .next: break
    }
    if instruction.writtenRegisters.contains(.rsp) { return .stackPointerChanged(at: offset) }
    if !instruction.writtenRegisters.isDisjoint(with: arguments) {
      return .argumentRegisterWritten(at: offset)
    }
    return nil
  }

  /// The lowest offset behind the entry that a branch or relative call of the function leads to.
  ///
  /// Everything before the first branch is one straight line, so whoever jumps to one of its
  /// instructions passes all later ones: the lowest target decides.
  private static func firstJumpTarget(in code: [UInt8]) -> Int? {
    var lowest: Int?
    var offset = 0
    let end = min(code.count, searchedByteCount)
    while offset < end {
      guard let instruction = Instruction(code: code, at: offset) else {
        // Data between instructions: linear decoding finds back within a few bytes.
        offset += 1
        continue
      }
      if let target = instruction.target, target > 0, target < code.count {
        lowest = min(lowest ?? target, target)
      }
      offset = instruction.end
    }
    return lowest
  }

  /// The entry, or the first instruction behind nops that must not be probed.
  private static func firstProbeable(in code: [UInt8], firstJumpTarget: Int?) -> Instruction? {
    var offset = 0
    while let instruction = Instruction(code: code, at: offset) {
      if let firstJumpTarget, offset >= firstJumpTarget { return nil }
      if offset > 0, code.count > searchedByteCount { return nil }
      if instruction.instructionClass != .longNop { return instruction }
      offset = instruction.end
    }
    return nil
  }

  private static func point(
    at instruction: Instruction,
    _ code: [UInt8],
    _ entry: UInt64,
    _ profile: EmulationProfile
  ) -> ProbePoint {
    let instructionClass = instruction.instructionClass
    return ProbePoint(
      offset: instruction.offset,
      address: entry &+ UInt64(instruction.offset),
      instructionClass: instructionClass,
      execution: profile.emulates(instructionClass) ? .emulated : .singleStepped,
      nanoseconds: profile.nanosecondsByClass[instructionClass],
      entryBytes: Array(code.prefix(16))
    )
  }
}
