import ProbeABI

/// How the registers of a caller follow from those of one of its callee's frames.
///
/// The 64 bits are drawn in `unwind_tables.h`. CFA is the value of rsp before the call that made the frame.
package struct UnwindRule: Hashable, Sendable {
  /// Where the CFA is: `enum unwind_rule_kind`.
  package enum Kind: UInt8, CaseIterable, Sendable {
    case none = 0
    case rsp, rbp, rbx
    case atRSP, atRBP
    case plt, signal, end, framePointer, unsupported
  }

  package var bits: UInt64

  package init(bits: UInt64) {
    self.bits = bits
  }

  package init(_ kind: Kind, offset: Int32 = 0, saved: SavedRegisters = SavedRegisters()) {
    bits =
      UInt64(kind.rawValue) | saved.bits | UInt64(UInt32(bitPattern: offset)) << Self.offsetShift
  }

  /// CFA = *(register + `offset`) + `addend`; nil where they don't fit.
  init?(_ kind: Kind, loadedAt offset: Int64, plus addend: Int64, saved: SavedRegisters) {
    guard let low = Int16(exactly: offset), let high = Int16(exactly: addend) else { return nil }
    self.init(kind, offset: Int32(high) << 16 | Int32(UInt16(bitPattern: low)), saved: saved)
  }

  private static var offsetShift: UInt64 { 32 }

  /// No unwind information.
  package static var none: Self { Self(.none) }
  /// The first frame of a thread.
  package static var end: Self { Self(.end) }
  package static var signal: Self { Self(.signal) }
  /// There is a rule, but it has none of the forms that a table can hold.
  package static var unsupported: Self { Self(.unsupported) }
}

extension UnwindRule {
  /// nil for bits that no table has.
  package var kind: Kind? { Kind(rawValue: UInt8(bits & 0xf)) }

  /// Signed bytes, or what `unwind_rule_kind` says of them.
  package var offset: Int32 { Int32(truncatingIfNeeded: bits >> Self.offsetShift) }

  package var saved: SavedRegisters { SavedRegisters(ruleBits: bits) }

  /// Bytes after the row's address from which the CFA is 8 bytes further, 0 … 3; 0: nowhere.
  package var step: Int { Int(bits >> UInt64(UNWIND_STEP_SHIFT)) & 3 }

  var isStepPop: Bool { bits & UInt64(UNWIND_STEP_IS_POP) != 0 }

  /// Whether the rule `distance` bytes later, on the same page, can be told by the step bits of this one.
  func canStep(to next: Self, after distance: UInt32) -> Bool {
    guard (1...3).contains(distance), kind == .rsp, step == 0,
      UInt32(truncatingIfNeeded: bits) == UInt32(truncatingIfNeeded: next.bits)
    else { return false }
    let change = Int64(next.offset) - Int64(offset)
    return change == 8 || change == -8
  }

  /// This rule with the step to `next` in its bits.
  func stepping(to next: Self, after distance: UInt32) -> Self {
    var stepping = self
    stepping.bits |= UInt64(distance) << UInt64(UNWIND_STEP_SHIFT)
    if next.offset < offset { stepping.bits |= UInt64(UNWIND_STEP_IS_POP) }
    return stepping
  }

  /// The rule in force `distance` bytes after the row's address, without step bits.
  func applyingStep(at distance: UInt32) -> Self {
    guard step != 0 else { return self }
    var rule = self
    rule.bits &= ~(3 << UInt64(UNWIND_STEP_SHIFT) | UInt64(UNWIND_STEP_IS_POP))
    guard distance >= step else { return rule }
    let moved = UInt64(UInt32(bitPattern: offset &+ (isStepPop ? -8 : 8)))
    rule.bits = rule.bits & 0xffff_ffff | moved << Self.offsetShift
    return rule
  }
}

/// Where a frame keeps the registers of its caller that later rules may start from.
package struct SavedRegisters: Hashable, Sendable {
  /// Slot of rbp in units of 8 bytes from the CFA, or from rbp if `isRBPFromRBP`.
  ///
  /// 0 from the CFA: unchanged.
  package var rbp: Int16 = 0
  package var isRBPFromRBP = false
  /// rbx is at CFA - 8 × this; 0: unchanged.
  package var rbx: UInt8 = 0

  /// Stands for a slot of rbx that a rule can't name: what is loaded there is no one's rbx.
  ///
  /// Only code that enters the dynamic loader starts from rbx, and no frame called by it keeps rbx that far.
  static var farRBX: UInt8 { .max }

  package init(rbp: Int16 = 0, isRBPFromRBP: Bool = false, rbx: UInt8 = 0) {
    self.rbp = rbp
    self.isRBPFromRBP = isRBPFromRBP
    self.rbx = rbx
  }

  fileprivate init(ruleBits bits: UInt64) {
    rbp = Int16(truncatingIfNeeded: bits >> 16)
    isRBPFromRBP = bits & UInt64(UNWIND_RBP_FROM_RBP) != 0
    rbx = UInt8(truncatingIfNeeded: bits >> 8)
  }

  fileprivate var bits: UInt64 {
    UInt64(UInt16(bitPattern: rbp)) << 16 | UInt64(rbx) << 8
      | (isRBPFromRBP ? UInt64(UNWIND_RBP_FROM_RBP) : 0)
  }
}

extension UnwindRule: CustomStringConvertible {
  package var description: String {
    let name = kind.map { "\($0)" } ?? "invalid"
    return "\(name) \(offset) \(saved)" + (step == 0 ? "" : " step \(step)\(isStepPop ? "-" : "+")")
  }
}
