import AllocationModel
package import Processes

/// Something about an executable could not be read or used.
package enum ExecutableError: Error, Hashable, Sendable {
  case unreadable(ProcessError)
  /// The file does not start like an ELF file.
  case notELF(path: String)
  /// The file contradicts itself or the ELF specification.
  case damaged(path: String, detail: String)
  /// No instruction of the function at `entry` (virtual address in its module) can carry a probe.
  case noProbePoint(entry: UInt64, obstacle: ProbePoint.Obstacle)
}

extension ExecutableError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreadable(let error): error.description
    case .notELF(let path):
      "cannot read \(path) as an executable: it is no ELF file; its code is shown by address only"
    case .damaged(let path, let detail):
      "cannot read \(path) as an executable: \(detail); its code is shown by address only"
    case .noProbePoint(let entry, let obstacle):
      "cannot choose a probe point for the function at \(Figure.hexadecimal(entry)): \(obstacle), "
        + "and its first instruction can't carry a probe; its calls will not be counted"
    }
  }
}
