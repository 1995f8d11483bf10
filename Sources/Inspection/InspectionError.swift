package import LinuxSystem
package import Processes

/// Why a process could not be inspected.
package enum InspectionError: Error, Hashable, Sendable {
  case unreadable(ProcessError)
  case unstoppable(pid: Int32, StopError)
  /// The copy took longer than was allowed; the process was let go. Bytes copied until then, and bytes wanted.
  case pauseTooLong(pid: Int32, limit: Duration, copied: UInt64, wanted: UInt64)
  /// A copy-on-write image can't be had, or would not be without danger for the process.
  case noTwin(pid: Int32, detail: String)
  /// No allocator that can be read was found.
  case unknownAllocator(pid: Int32, detail: String)
  /// Its allocator is known by name only.
  case otherAllocator(pid: Int32, name: String, detail: String)
}

extension InspectionError {
  /// Whether this user may not, as opposed to: this process can't be inspected.
  package var isRefusal: Bool {
    switch self {
    case .unreadable(let error): error.reason == .notPermitted
    case .unstoppable(_, let error): error == .notPermitted
    default: false
    }
  }
}

extension InspectionError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreadable(let error): error.description
    case .unstoppable(let pid, let error): "cannot stop process \(pid): \(error)"
    case .pauseTooLong(let pid, let limit, let copied, let wanted):
      "cannot copy the memory of process \(pid) within \(limit): \(copied >> 20) of \(wanted >> 20) MiB were copied"
        + " when it was let go; allow a longer pause with --max-pause"
    case .noTwin(let pid, let detail):
      "cannot take a copy-on-write image of process \(pid): \(detail); without --copy-on-write it stands still while its"
        + " memory is copied"
    case .unknownAllocator(let pid, let detail):
      "cannot read the heap of process \(pid): \(detail); glibc 2.26 to 2.43 on x86-64 is understood"
    case .otherAllocator(let pid, let name, let detail):
      "cannot read the heap of process \(pid): it allocates with \(name), whose memory heaptap does not understand, and"
        + " \(detail); `heaptap watch --exact` sees what it allocates from now on, and looks at that"
    }
  }
}
