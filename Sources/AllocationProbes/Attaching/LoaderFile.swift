import Executables
import ProbeABI
import Processes

/// A dynamic loader that tells debuggers when libraries come and go (`r_debug.r_brk` of link.h): glibc's and musl's.
struct LoaderFile: Sendable {
  /// The functions that do nothing but be called then, and the variable that says what happens.
  private static let announcers = ["_dl_debug_state"]
  private static let state = "_r_debug"

  /// For people: the path as the process knows it.
  var name: String
  var attachPath: String
  /// Of the probe point in the file.
  var fileOffset: UInt64
  /// Kind of call and distance to the variable: see `COOKIE_KIND_BITS`.
  var cookie: UInt64

  /// nil for a file that is no such loader.
  init?(_ file: borrowing ELFFile, name: String, attachPath: String, profile: EmulationProfile) {
    guard file.isX86_64, let state = file.variableAddress(named: Self.state) else { return nil }
    let functions = file.functionSymbols(named: Self.announcers)
    guard let function = Self.announcers.lazy.compactMap({ functions[$0] }).first,
      let code = try? file.code(of: function),
      let point = try? ProbePointSelector.select(
        code: code, entry: function.address, profile: profile),
      let offset = file.segments.fileOffset(ofAddress: point.address)
    else { return nil }
    self.name = name
    self.attachPath = attachPath
    fileOffset = offset
    let distance = Int64(bitPattern: state &- point.address)
    cookie =
      UInt64(bitPattern: distance << Int64(COOKIE_KIND_BITS)) | UInt64(CALL_CODE_CHANGE.rawValue)
  }
}
