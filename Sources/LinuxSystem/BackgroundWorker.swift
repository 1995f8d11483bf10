import Glibc
import Synchronization
package import SystemPackage

/// What a thread is started with: C functions know nothing of generic parameters.
private class ThreadWork {
  func run() {}
}

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
  }

  /// What is done, by the thread alone.
  private final class Work: ThreadWork {
    let body: (Request) -> Answer
    let shared: Shared

    init(_ shared: Shared, _ body: @escaping (Request) -> Answer) {
      self.shared = shared
      self.body = body
    }

    override func run() {
      while true {
        shared.requested.wait()
        let (request, isOver) = shared.state.withLock { ($0.request.take(), $0.isOver) }
        if isOver { return }
        guard let request else { continue }
        let answer = body(request)
        shared.state.withLock { $0.answer = answer }
        shared.done.raise()
      }
    }
  }

  private let shared: Shared
  private let thread: pthread_t
  /// Something was begun whose answer was not taken yet.
  package private(set) var isBusy = false

  /// Readable when an answer can be taken.
  package var descriptor: Int32 { shared.done.descriptor }

  /// Starts the thread. pthread_create(3)
  ///
  /// - Parameter body: what it captures must be used by nobody else from now on.
  package init(_ body: @escaping (Request) -> Answer) throws(Errno) {
    shared = try Shared()
    let work = Unmanaged.passRetained(Work(shared, body) as ThreadWork)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, work.toOpaque())
    guard code == 0 else {
      work.release()
      throw Errno(rawValue: code)
    }
    self.thread = thread
  }

  /// Waits for what is under way.
  deinit {
    shared.state.withLock { $0.isOver = true }
    shared.requested.raise()
    pthread_join(thread, nil)
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
