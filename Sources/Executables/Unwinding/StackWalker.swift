package import AllocationModel

/// Walks a copy of a stack by unwind rules, as the kernel programs walk a live one (`bpf/lib/stack_walk.bpf.h`).
package struct StackWalker {
  /// The registers of a frame that rules start from.
  package struct Registers: Hashable, Sendable {
    /// A return address, or one more than the address of an interrupted instruction.
    package var ip: UInt64
    package var sp: UInt64
    package var bp: UInt64
    package var bx: UInt64

    package init(ip: UInt64, sp: UInt64, bp: UInt64, bx: UInt64) {
      self.ip = ip
      self.sp = sp
      self.bp = bp
      self.bx = bx
    }
  }

  /// Where a struct ucontext has its registers (arch/x86/include/uapi/asm/sigcontext.h).
  private enum SignalContext {
    static let rbp: UInt64 = 120
    static let rbx: UInt64 = 128
    static let rsp: UInt64 = 160
    static let rip: UInt64 = 168
  }

  private static let lowestCodeAddress: UInt64 = 0x1000
  private static let addressBits: UInt64 = 47

  private let memory: [UInt8]
  private let base: UInt64

  /// - Parameters:
  ///   - memory: of the stack, from the address `base` on.
  package init(memory: [UInt8], base: UInt64) {
    self.memory = memory
    self.base = base
  }

  /// Walks from a frame to the first one of its thread.
  ///
  /// - Parameters:
  ///   - limit: frames after which the walk ends, the first one included.
  ///   - rule: for the byte at an address; nil for code that nothing is known of.
  /// - Returns: the `ip` of the callers, innermost first, without that of the frame it began with.
  package func callers(
    of frame: Registers, limit: Int, rule: (UInt64) -> UnwindRule?
  ) -> (addresses: [UInt64], ending: StackEnding) {
    var registers = frame
    var rbxSlot: UInt64?
    var addresses: [UInt64] = []
    while true {
      guard let rule = rule(registers.ip &- 1) else { return (addresses, .unknownCode) }
      if let ending = step(&registers, &rbxSlot, rule) { return (addresses, ending) }
      let ip = registers.ip
      if ip == 0 { return (addresses, .complete) }
      if ip < Self.lowestCodeAddress || ip >> Self.addressBits != 0 {
        return (addresses, .badFrame)
      }
      if addresses.count + 1 >= limit { return (addresses, .tooDeep) }
      addresses.append(ip)
    }
  }

  /// From a frame to its caller; how the walk ends if there is no way.
  ///
  /// - Parameter rbxSlot: where rbx was saved last; it is read for the few rules that want it.
  private func step(
    _ registers: inout Registers, _ rbxSlot: inout UInt64?, _ rule: UnwindRule
  ) -> StackEnding? {
    guard let kind = rule.kind else { return .unsupportedRule }
    let offset = UInt64(bitPattern: Int64(rule.offset))
    var saved = rule.saved
    let cfa: UInt64
    switch kind {
    case .rsp: cfa = registers.sp &+ offset
    case .rbp: cfa = registers.bp &+ offset
    case .rbx:
      guard let bx = rbxSlot.map(word(at:)) ?? registers.bx else { return .unreadableStack }
      cfa = bx &+ offset
    case .atRSP, .atRBP:
      let start = kind == .atRSP ? registers.sp : registers.bp
      let low = Int64(Int16(truncatingIfNeeded: rule.offset))
      guard let loaded = word(at: start &+ UInt64(bitPattern: low)) else { return .unreadableStack }
      cfa = loaded &+ UInt64(bitPattern: Int64(rule.offset >> 16))
    case .plt:
      cfa = registers.sp &+ 8 &+ ((registers.ip &- 1) & 15 >= offset ? 8 : 0)
    case .framePointer:
      guard registers.bp != 0 else { return .complete }
      guard registers.bp >= registers.sp else { return .badFrame }
      cfa = registers.bp &+ 16
      saved.rbp = -2
    case .signal:
      rbxSlot = nil
      return leaveSignalFrame(&registers)
    case .end: return .complete
    case .none: return .noRule
    case .unsupported: return .unsupportedRule
    }
    // The caller's frame lies above.
    guard cfa > registers.sp, cfa & 7 == 0 else { return .badFrame }
    guard let ip = word(at: cfa &- 8) else { return .unreadableStack }
    if saved.rbp != 0 || saved.isRBPFromRBP {
      let start = saved.isRBPFromRBP ? registers.bp : cfa
      guard let bp = word(at: start &+ UInt64(bitPattern: Int64(saved.rbp) * 8)) else {
        return .unreadableStack
      }
      registers.bp = bp
    }
    if saved.rbx != 0 { rbxSlot = cfa &- UInt64(saved.rbx) * 8 }
    registers.sp = cfa
    registers.ip = ip
    return nil
  }

  private func leaveSignalFrame(_ registers: inout Registers) -> StackEnding? {
    let context = registers.sp
    guard let ip = word(at: context &+ SignalContext.rip),
      let sp = word(at: context &+ SignalContext.rsp),
      let bp = word(at: context &+ SignalContext.rbp),
      let bx = word(at: context &+ SignalContext.rbx)
    else { return .unreadableStack }
    // No call returns there.
    registers = Registers(ip: ip &+ 1, sp: sp, bp: bp, bx: bx)
    return nil
  }

  private func word(at address: UInt64) -> UInt64? {
    let offset = address &- base
    guard offset < UInt64(memory.count), memory.count - Int(offset) >= 8 else { return nil }
    return memory.span.bytes.unsafeLoadUnaligned(fromByteOffset: Int(offset), as: UInt64.self)
  }
}
