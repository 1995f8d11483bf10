package import BPFRuntime
import Glibc
import LinuxSystem
import Synchronization

/// Takes windows on a thread of its own, so that each ends on time whatever the caller is doing meanwhile.
///
/// One window at a time. Used by one thread.
package final class WindowThread {
  private enum Order: Sendable {
    case none
    case record(WindowRequest)
    case end
  }

  private struct State {
    var order = Order.none
    var outcome: Result<WindowRecording, BPFError>?
  }

  /// What both threads know.
  private final class Shared: Sendable {
    let state = Mutex(State())
    let requested: EventFlag
    let done: EventFlag

    init() throws(BPFError) {
      guard let requested = try? EventFlag(), let done = try? EventFlag() else {
        throw BPFError(attempt: "start a thread for windows", code: errno)
      }
      self.requested = requested
      self.done = done
    }
  }

  private let shared: Shared
  private var thread: pthread_t?
  /// A window was begun and not taken yet.
  package private(set) var isBusy = false

  /// Readable when a recording can be taken.
  package var descriptor: Int32 { shared.done.descriptor }

  /// Loads the programs of windows.
  ///
  /// - Throws: `BPFError`; ENOTSUP where the kernel has perf uprobes only, which take too long to close.
  package init(_ session: ProbeSession) throws(BPFError) {
    let probes = try WindowProbes(session)
    shared = try Shared()
    let work = Unmanaged.passRetained(Work(probes, shared))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, work.toOpaque())
    guard code == 0 else {
      work.release()
      throw BPFError(attempt: "start a thread for windows", code: code)
    }
    self.thread = thread
  }

  /// Waits for the window that is under way.
  deinit {
    shared.state.withLock { $0.order = .end }
    shared.requested.raise()
    if let thread { pthread_join(thread, nil) }
  }

  /// Begins a window; none may be under way.
  package func begin(_ request: WindowRequest) {
    precondition(!isBusy)
    isBusy = true
    shared.state.withLock { $0.order = .record(request) }
    shared.requested.raise()
  }

  /// The recording, once it is there.
  package func take() throws(BPFError) -> WindowRecording? {
    shared.done.clear()
    guard let outcome = shared.state.withLock({ $0.outcome.take() }) else { return nil }
    isBusy = false
    return try outcome.get()
  }

  /// What the thread does; the probes are its alone.
  private final class Work {
    private let probes: WindowProbes
    private let shared: Shared

    init(_ probes: WindowProbes, _ shared: Shared) {
      self.probes = probes
      self.shared = shared
    }

    func run() {
      while true {
        shared.requested.wait()
        let order = shared.state.withLock { state in
          defer { state.order = .none }
          return state.order
        }
        switch order {
        case .none: continue
        case .end: return
        case .record(let request):
          let outcome: Result<WindowRecording, BPFError>
          do throws(BPFError) {
            outcome = .success(try probes.record(request))
          } catch {
            outcome = .failure(error)
          }
          shared.state.withLock { $0.outcome = outcome }
          shared.done.raise()
        }
      }
    }
  }
}
