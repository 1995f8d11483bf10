import Executables
import ProbeABI

/// A C++ runtime (libstdc++, libc++abi, or an executable that has it inside), which throws all exceptions.
///
/// An exception may leave a call that is pending by `ret` instructions; without notice, that call would be taken for
/// the outer one of all that come later.
struct ExceptionFile: Sendable {
  /// What is called first when something is thrown (Itanium C++ ABI, Exception Handling, 2.4.2), and when it is again.
  private static let throwers = [
    "__cxa_allocate_exception", "__cxa_rethrow",
    "_ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE",
  ]
  private static let essential = "__cxa_allocate_exception"

  /// Where what happens is noticed.
  var notices: [NoticePoint] = []

  /// nil for a file that throws nothing.
  init?(_ file: borrowing ELFFile, held: HeldFile, profile: EmulationProfile) {
    guard file.isX86_64 else { return nil }
    let found = file.functionSymbols(named: Self.throwers)
    guard found[Self.essential] != nil else { return nil }
    for name in Self.throwers {
      guard let symbol = found[name], let code = try? file.code(of: symbol),
        let point = try? ProbePointSelector.select(
          code: code, entry: symbol.address, profile: profile),
        let offset = file.segments.fileOffset(ofAddress: point.address)
      else { continue }
      notices.append(
        NoticePoint(
          held: held, fileOffset: offset, cookie: UInt64(CALL_EXCEPTION.rawValue)))
    }
    guard !notices.isEmpty else { return nil }
  }
}

/// A place in a file where something happens that the programs have to know of, but that is no call of an allocator.
package struct NoticePoint: Sendable {
  var held: HeldFile
  var fileOffset: UInt64
  var cookie: UInt64
}
