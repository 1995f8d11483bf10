/// What call frame instructions have said so far of the CFA and of the registers that unwinding needs.
struct FrameState: Equatable {
  /// Where the CFA is.
  enum CFAForm: UInt8 {
    case unknown
    /// `register` + `offset`.
    case sum
    /// *(`register` + `offset`) + `addend`.
    case load
    /// `offset`: the byte of a PLT entry from which on its number has been pushed.
    case plt
  }

  struct CFA: Equatable {
    var form: CFAForm = .unknown
    var register: UInt8 = 0
    var offset: Int64 = 0
    var addend: Int64 = 0
  }

  enum RegisterForm: UInt8 {
    case unspecified, sameValue, undefined
    /// Stored at CFA + `offset`.
    case atCFA
    /// Is CFA + `offset`.
    case valueOfCFA
    /// Stored at rsp + `offset`, at rbp + `offset`.
    case atRSP, atRBP
    case other
  }

  struct Register: Equatable {
    var form: RegisterForm = .unspecified
    var offset: Int64 = 0
  }

  var cfa = CFA()
  var rbx = Register()
  var rbp = Register()
  var rsp = Register()
  var returnAddress = Register()

  /// The rule of the register with a DWARF number; setting others than these four does nothing.
  subscript(number: UInt64) -> Register {
    get {
      switch number {
      case UInt64(DWARFRegister.rbx): rbx
      case UInt64(DWARFRegister.rbp): rbp
      case UInt64(DWARFRegister.rsp): rsp
      case UInt64(DWARFRegister.returnAddress): returnAddress
      default: Register()
      }
    }
    set {
      switch number {
      case UInt64(DWARFRegister.rbx): rbx = newValue
      case UInt64(DWARFRegister.rbp): rbp = newValue
      case UInt64(DWARFRegister.rsp): rsp = newValue
      case UInt64(DWARFRegister.returnAddress): returnAddress = newValue
      default: break
      }
    }
  }
}

extension FrameState.CFA {
  init(_ expression: FrameExpression) {
    switch expression {
    case .sum(let register, let offset):
      self.init(form: .sum, register: register, offset: offset)
    case .load(let register, let offset, let addend):
      self.init(form: .load, register: register, offset: offset, addend: addend)
    case .plt(let firstAfterPush): self.init(form: .plt, offset: Int64(firstAfterPush))
    case .other: self.init()
    }
  }
}

extension FrameState.Register {
  /// A register that is stored where an expression says.
  init(storedAt expression: FrameExpression) {
    switch expression {
    case .sum(DWARFRegister.rsp, let offset): self.init(form: .atRSP, offset: offset)
    case .sum(DWARFRegister.rbp, let offset): self.init(form: .atRBP, offset: offset)
    default: self.init(form: .other)
    }
  }
}
