package import BPFRuntime
import LinuxSystem
import SystemPackage

/// Takes windows on a thread of its own, so that each ends on time whatever the caller is doing meanwhile.
///
/// One window at a time. Used by one thread.
package final class WindowThread {
  private let worker: BackgroundWorker<WindowRequest, Result<WindowRecording, BPFError>>

  /// A window was begun and not taken yet.
  package var isBusy: Bool { worker.isBusy }
  /// Readable when a recording can be taken.
  package var descriptor: Int32 { worker.descriptor }

  /// Loads the programs of windows.
  ///
  /// - Throws: `BPFError`; ENOTSUP where the kernel has perf uprobes only, which take too long to close.
  package init(_ session: ProbeSession) throws(BPFError) {
    let probes = try WindowProbes(session)
    do {
      worker = try BackgroundWorker { request in
        Result { () throws(BPFError) in try probes.record(request) }
      }
    } catch {
      throw BPFError(attempt: "start a thread for windows", code: error.rawValue)
    }
  }

  /// Begins a window; none may be under way.
  package func begin(_ request: WindowRequest) { worker.begin(request) }

  /// The recording, once it is there.
  package func take() throws(BPFError) -> WindowRecording? { try worker.take()?.get() }
}
