import Glibc
package import SystemPackage

/// A thread for one piece of work that must not share its thread, or not be waited for.
package struct OwnThread {
  private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  private let thread: pthread_t

  /// Starts it; somebody has to `join` it. pthread_create(3)
  ///
  /// - Parameter body: what it captures must be used by nobody else until it has ended.
  package init(_ body: @escaping () -> Void) throws(Errno) {
    let work = Unmanaged.passRetained(Work(body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, work.toOpaque())
    guard code == 0 else {
      work.release()
      throw Errno(rawValue: code)
    }
    self.thread = thread
  }

  /// Waits for its end; once. pthread_join(3)
  package func join() { pthread_join(thread, nil) }
}

extension OwnThread {
  /// Runs `body` on a new thread, and returns when that has ended.
  static func run(_ body: () -> Void) throws(Errno) {
    let result = withoutActuallyEscaping(body) { body in
      Result { () throws(Errno) in try OwnThread(body).join() }
    }
    try result.get()
  }
}
