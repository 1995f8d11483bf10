import CElfutils
import Foundation
import Testing

@testable import Executables

/// What libdw says of the frames of a file, address by address.
final class LibdwFrames {
  /// What holds from the address asked for to `end`.
  struct Row {
    var end: UInt64
    var rule: UnwindRule
  }

  /// `DW_OP_…` (DWARF 5, 7.7.1).
  private static let plusConstant: UInt8 = 0x23
  private static let bregx: UInt8 = 0x92
  private static let callFrameCFA: UInt8 = 0x9c
  private static let stackValue: UInt8 = 0x9f

  private let descriptor: Int32
  private let elf: OpaquePointer
  private let frames: OpaquePointer

  init(_ path: String) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    elf_version(UInt32(EV_CURRENT))
    elf = try #require(elf_begin(descriptor, ELF_C_READ_MMAP, nil))
    frames = try #require(dwarf_getcfi_elf(elf))
  }

  deinit {
    dwarf_cfi_end(frames)
    elf_end(elf)
    close(descriptor)
  }

  /// The parts of the file that hold code: virtual addresses of sections.
  var code: [Range<UInt64>] {
    var found: [Range<UInt64>] = []
    var section: OpaquePointer?
    while let next = elf_nextscn(elf, section) {
      section = next
      var header = GElf_Shdr()
      guard gelf_getshdr(next, &header) != nil, header.sh_flags & UInt64(SHF_EXECINSTR) != 0 else {
        continue
      }
      found.append(header.sh_addr..<header.sh_addr + header.sh_size)
    }
    return found
  }

  var entry: UInt64 {
    var header = GElf_Ehdr()
    gelf_getehdr(elf, &header)
    return header.e_entry
  }

  /// nil where no frame is described.
  func row(at address: UInt64) -> Row? {
    var frame: OpaquePointer?
    guard dwarf_cfi_addrframe(frames, address, &frame) == 0, let frame else { return nil }
    defer { free(UnsafeMutableRawPointer(frame)) }
    // Where the row began is wrong behind DW_CFA_restore_state.
    var start: Dwarf_Addr = 0
    var end: Dwarf_Addr = 0
    var isSignalFrame = false
    let returnAddress = dwarf_frame_info(frame, &start, &end, &isSignalFrame)
    #expect(returnAddress == 16)
    return Row(end: end, rule: rule(frame, isSignalFrame))
  }

  private func rule(_ frame: OpaquePointer, _ isSignalFrame: Bool) -> UnwindRule {
    let cfa = cfa(frame)
    if register(frame, 16) == .undefined { return .end }
    if isSignalFrame {
      let isKnown =
        cfa == "breg7 160, 0; 6 0, 0" && register(frame, 16) == .other("breg7 168, 0")
      return isKnown ? .signal : .unsupported
    }
    guard register(frame, 16) == .stored(-8), register(frame, 7) == .value(0),
      let saved = saved(frame)
    else { return .unsupported }
    let numbers = cfa.split { !"-0123456789".contains($0) }.compactMap { Int64($0) }
    let operations = cfa.split(separator: "; ")
    let isLoad =
      operations.count >= 2 && operations[0].hasPrefix("breg") && operations[1] == "6 0, 0"
    switch operations.count {
    case 1 where cfa.hasPrefix("breg"):
      let kind: UnwindRule.Kind? = [7: .rsp, 6: .rbp, 3: .rbx][numbers[0]]
      return kind.map { UnwindRule($0, offset: Int32(numbers[1]), saved: saved) } ?? .unsupported
    case 2 where isLoad, 3 where isLoad && operations[2].hasPrefix("35 "):
      let kind: UnwindRule.Kind? = [7: .atRSP, 6: .atRBP][numbers[0]]
      let addend = operations.count == 3 ? Int32(numbers[7]) : 0
      let offset = addend << 16 | Int32(numbers[1]) & 0xffff
      return kind.map { UnwindRule($0, offset: offset, saved: saved) } ?? .unsupported
    case 9
    where cfa.hasPrefix("breg7 8, 0; breg16 0, 0; lit15; 26 0, 0; lit")
      && cfa.hasSuffix("; 42 0, 0; lit3; 36 0, 0; 34 0, 0"):
      return UnwindRule(.plt, offset: Int32(numbers[10]), saved: saved)
    default: return .unsupported
    }
  }

  private func saved(_ frame: OpaquePointer) -> SavedRegisters? {
    var saved = SavedRegisters()
    switch register(frame, 6) {
    case .same: break
    case .stored(let offset): saved.rbp = Int16(offset / 8)
    case .other(let place) where place.hasPrefix("breg6 ") && !place.contains(";"):
      let offset = Int64(place.dropFirst(6).prefix { $0 != "," }) ?? 1
      saved.rbp = Int16(offset / 8)
      saved.isRBPFromRBP = true
    default: return nil
    }
    switch register(frame, 3) {
    // For libdw a register is lost that nothing is said of, as the ABI's rule for rbx is not among its defaults.
    case .same, .undefined: break
    case .stored(let offset): saved.rbx = UInt8(exactly: -offset / 8) ?? .max
    default: saved.rbx = .max
    }
    return saved
  }

  private enum Register: Equatable {
    case undefined, same
    /// At CFA + n, and the value CFA + n.
    case stored(Int64), value(Int64)
    case other(String)
  }

  private func register(_ frame: OpaquePointer, _ number: Int32) -> Register {
    var memory = (Dwarf_Op(), Dwarf_Op(), Dwarf_Op())
    return withUnsafeMutablePointer(to: &memory) { memory in
      memory.withMemoryRebound(to: Dwarf_Op.self, capacity: 3) { memory in
        var operations: UnsafeMutablePointer<Dwarf_Op>?
        var count = 0
        guard dwarf_frame_register(frame, number, memory, &operations, &count) == 0 else {
          return .other("error")
        }
        guard let operations, count > 0 else { return operations == nil ? .same : .undefined }
        var rest = UnsafeBufferPointer(start: operations, count: count)[...]
        if rest.first?.atom == Self.callFrameCFA { rest.removeFirst() }
        let text = rest.map(Self.text).joined(separator: "; ")
        var offset: Int64 = 0
        if let first = rest.first, first.atom == Self.plusConstant {
          offset = Int64(bitPattern: first.number)
          rest.removeFirst()
        }
        if rest.isEmpty { return .stored(offset) }
        return rest.first?.atom == Self.stackValue ? .value(offset) : .other(text)
      }
    }
  }

  private func cfa(_ frame: OpaquePointer) -> String {
    var operations: UnsafeMutablePointer<Dwarf_Op>?
    var count = 0
    guard dwarf_frame_cfa(frame, &operations, &count) == 0 else { return "error" }
    return UnsafeBufferPointer(start: operations, count: count).map(Self.text)
      .joined(separator: "; ")
  }

  /// `breg7 8, 0`, `lit15`, or the number of the operation.
  private static func text(_ operation: Dwarf_Op) -> String {
    let first = Int64(bitPattern: operation.number)
    let second = Int64(bitPattern: operation.number2)
    return switch operation.atom {
    case Self.bregx: "bregx \(first), \(second)"
    case 0x70...0x8f: "breg\(operation.atom - 0x70) \(first), \(second)"
    case 0x30...0x4f: "lit\(operation.atom - 0x30)"
    default: "\(operation.atom) \(first), \(second)"
    }
  }
}
