import Glibc
import SystemPackage

/// A thread for one piece of work that must not share its thread.
enum OwnThread {
  private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// Runs `body` on a new thread, and returns when that has ended. pthread_create(3), pthread_join(3)
  static func run(_ body: () -> Void) throws(StopError) {
    let code = withoutActuallyEscaping(body) { body in
      let work = Unmanaged.passRetained(Work(body))
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          Unmanaged<Work>.fromOpaque(argument).takeUnretainedValue().body()
          return nil
        }, work.toOpaque())
      if code == 0 { pthread_join(thread, nil) }
      work.release()
      return code
    }
    guard code == 0 else { throw .system(Errno(rawValue: code)) }
  }
}
