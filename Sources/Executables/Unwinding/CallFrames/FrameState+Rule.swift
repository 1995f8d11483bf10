extension FrameState {
  /// The rule of a table that says the same, or `.unsupported`.
  func rule(isSignalFrame: Bool) -> UnwindRule {
    if returnAddress.form == .undefined { return .end }
    if isSignalFrame { return isAtSignalContext ? .signal : .unsupported }
    guard returnAddress == Register(form: .atCFA, offset: -8), isCallersRSPTheCFA,
      let saved = savedRegisters
    else { return .unsupported }
    return rule(saved) ?? .unsupported
  }

  private func rule(_ saved: SavedRegisters) -> UnwindRule? {
    switch cfa.form {
    case .unknown: return nil
    case .sum:
      guard let offset = Int32(exactly: cfa.offset) else { return nil }
      switch cfa.register {
      case DWARFRegister.rsp: return UnwindRule(.rsp, offset: offset, saved: saved)
      case DWARFRegister.rbp: return UnwindRule(.rbp, offset: offset, saved: saved)
      case DWARFRegister.rbx: return UnwindRule(.rbx, offset: offset, saved: saved)
      default: return nil
      }
    case .load:
      switch cfa.register {
      case DWARFRegister.rsp:
        return UnwindRule(.atRSP, loadedAt: cfa.offset, plus: cfa.addend, saved: saved)
      case DWARFRegister.rbp:
        return UnwindRule(.atRBP, loadedAt: cfa.offset, plus: cfa.addend, saved: saved)
      default: return nil
      }
    case .plt: return UnwindRule(.plt, offset: Int32(truncatingIfNeeded: cfa.offset), saved: saved)
    }
  }

  /// `struct ucontext` (asm-generic/ucontext.h) with `struct sigcontext` (x86) at its offset 40: the caller's
  /// rsp is at 160, its rip at 168. glibc describes `__restore_rt` so.
  private var isAtSignalContext: Bool {
    cfa == CFA(form: .load, register: DWARFRegister.rsp, offset: 160)
      && returnAddress == Register(form: .atRSP, offset: 168)
  }

  /// What the CFA is defined to be, unless the instructions say something else.
  private var isCallersRSPTheCFA: Bool {
    rsp.form == .unspecified || rsp == Register(form: .valueOfCFA)
  }

  /// nil where rbp is lost or in a place that a rule can't name.
  private var savedRegisters: SavedRegisters? {
    var saved = SavedRegisters()
    switch rbp.form {
    case .unspecified, .sameValue: break
    case .atCFA where rbp.offset != 0 && rbp.offset % 8 == 0,
      .atRBP where rbp.offset % 8 == 0:
      guard let slot = Int16(exactly: rbp.offset / 8) else { return nil }
      saved.rbp = slot
      saved.isRBPFromRBP = rbp.form == .atRBP
    default: return nil
    }
    switch rbx.form {
    case .unspecified, .sameValue: break
    case .atCFA where rbx.offset < 0 && rbx.offset % 8 == 0:
      saved.rbx = UInt8(exactly: rbx.offset / -8) ?? SavedRegisters.farRBX
    default: saved.rbx = SavedRegisters.farRBX
    }
    return saved
  }
}
