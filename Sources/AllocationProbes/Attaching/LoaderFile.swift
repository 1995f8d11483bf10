import Executables
import ProbeABI
import Processes

/// A dynamic loader that tells debuggers when libraries come and go (`r_debug.r_brk` of link.h): glibc's and musl's.
package struct LoaderFile: Sendable {
  /// The functions that do nothing but be called then.
  private static let announcers = ["_dl_debug_state"]
  /// glibc's variable that says what happens; and musl's, which points to it. musl says that all is consistent each
  /// time: it calls when libraries were loaded, and closes none.
  private static let state = "_r_debug"
  private static let pointerToState = "_dl_debug_addr"

  /// For people: the path as the process knows it.
  var name: String
  var held: HeldFile
  /// Of the probe point in the file.
  var fileOffset: UInt64
  /// Kind of call and distance to the variable: see `COOKIE_KIND_BITS`.
  var cookie: UInt64

  var notice: NoticePoint {
    NoticePoint(held: held, fileOffset: fileOffset, cookie: cookie)
  }

  /// nil for a file that is no such loader.
  init?(_ file: borrowing ELFFile, name: String, held: HeldFile, profile: EmulationProfile) {
    guard file.isX86_64, let state = Self.state(in: file) else { return nil }
    let functions = file.functionSymbols(named: Self.announcers)
    guard let function = Self.announcers.lazy.compactMap({ functions[$0] }).first,
      let code = try? file.code(of: function),
      let point = try? ProbePointSelector.select(
        code: code, entry: function.address, profile: profile),
      let offset = file.segments.fileOffset(ofAddress: point.address)
    else { return nil }
    self.name = name
    self.held = held
    fileOffset = offset
    let distance = Int64(bitPattern: state &- point.address)
    cookie =
      UInt64(bitPattern: distance << Int64(COOKIE_KIND_BITS)) | UInt64(CALL_CODE_CHANGE.rawValue)
  }

  private static func state(in file: borrowing ELFFile) -> UInt64? {
    file.variableAddress(named: state)
      ?? file.variableAddress(named: pointerToState).flatMap { file.initialPointer(at: $0) }
  }
}
