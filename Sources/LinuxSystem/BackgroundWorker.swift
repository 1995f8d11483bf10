import Synchronization
package import SystemPackage

/// Does one piece of work after another on a thread of its own, so that whoever asks for it need not wait.
///
/// One at a time. Used by one thread.
package final class BackgroundWorker<Request: Sendable, Answer: Sendable> {
  private struct State {
    var request: Request?
    var answer: Answer?
    var isOver = false
  }

  /// What both threads know.
  private final class Shared: Sendable {
    let state = Mutex(State())
    let requested: EventFlag
    let done: EventFlag

    init() throws(Errno) {
      requested = try EventFlag()
      done = try EventFlag()
    }

    /// What the thread does.
    func serve(_ body: (Request) -> Answer) {
      while true {
        requested.wait()
        let (request, isOver) = state.withLock { ($0.request.take(), $0.isOver) }
        if isOver { return }
        guard let request else { continue }
        let answer = body(request)
        state.withLock { $0.answer = answer }
        done.raise()
      }
    }
  }

  private let shared: Shared
  private let thread: OwnThread
  /// Something was begun whose answer was not taken yet.
  package private(set) var isBusy = false

  /// Readable when an answer can be taken.
  package var descriptor: Int32 { shared.done.descriptor }

  /// - Parameter body: what it captures must be used by nobody else from now on.
  package init(_ body: @escaping (Request) -> Answer) throws(Errno) {
    let shared = try Shared()
    self.shared = shared
    thread = try OwnThread { shared.serve(body) }
  }

  /// Waits for what is under way.
  deinit {
    shared.state.withLock { $0.isOver = true }
    shared.requested.raise()
    thread.join()
  }

  /// Begins something; nothing may be under way.
  package func begin(_ request: Request) {
    precondition(!isBusy)
    isBusy = true
    shared.state.withLock { $0.request = request }
    shared.requested.raise()
  }

  /// The answer, once it is there.
  package func take() -> Answer? {
    shared.done.clear()
    guard let answer = shared.state.withLock({ $0.answer.take() }) else { return nil }
    isBusy = false
    return answer
  }
}
