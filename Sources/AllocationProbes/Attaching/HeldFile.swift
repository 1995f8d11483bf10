package import Processes

/// A file that is kept open, so that it can be attached to again and again: its name may lead to another file by then,
/// and the process that it was found in may have ended or mapped it elsewhere.
package final class HeldFile: Sendable {
  private let file: RegularFile

  /// Opens a file a second time.
  ///
  /// - Throws: `ProcessError`.
  package convenience init(_ file: borrowing RegularFile) throws(ProcessError) {
    try self.init(opening: Self.path(file.descriptor))
  }

  package init(opening path: String) throws(ProcessError) {
    file = try RegularFile(opening: path)
  }

  /// Leads to the file itself as long as the value lives (`/proc/PID/fd` of proc(5)).
  package var path: String { Self.path(file.descriptor) }

  private static func path(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }
}
