package import BPFRuntime
import ProbeABI

/// Probes whose programs do nothing: what probing costs by itself, for calibration and as the floor of figures.
package final class EmptyProbes {
  private let object: BPFObject
  private let links: LinkSet

  /// Attaches empty programs.
  ///
  /// - Parameters:
  ///   - targets: a session asks for a return half except where the cookie is that of a free.
  ///   - pid: only this process; nil for all.
  package init(
    _ kind: UprobeLinkKind, path: String, targets: [UprobeTarget], pid: Int32?
  ) throws(BPFError) {
    let program = kind == .session ? "empty_session" : "empty"
    let embedded = embedded_calibration()
    object = try BPFObject(
      name: "calibration",
      bytes: UnsafeRawBufferPointer(start: embedded.start, count: embedded.size))
    object.omitProgram(kind == .session ? "empty" : "empty_session")
    object.setProgramType(program, to: .uprobe(expectedAttachType: kind.expectedAttachType))
    try object.load()
    links = try LinkSet.attaching(
      kind, object: object, entryProgram: program, path: path, targets: targets, pid: pid)
  }
}
