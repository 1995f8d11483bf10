import Dispatch
import Synchronization

/// Work that comes in numbered parts: each thread takes the next one when it has done with one.
enum SharedWork {
  /// More would take the processors away from what is inspected.
  static let threadCount = 2

  /// Does all parts, and returns what each has given, in their order.
  ///
  /// - Parameters:
  ///   - state: makes what a thread keeps from one part to the next; called once on each.
  ///   - part: called on several threads.
  static func results<State, Result: Sendable>(
    count: Int, state: @Sendable () -> State,
    _ part: @Sendable (inout State, Int) -> Result
  ) -> [Result] {
    let results = Mutex([Result?](repeating: nil, count: count))
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: min(threadCount, count)) { _ in
      var state = state()
      while true {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < count else { return }
        let result = part(&state, number)
        results.withLock { $0[number] = result }
      }
    }
    return results.withLock { $0.compactMap { $0 } }
  }

  static func results<Result: Sendable>(count: Int, _ part: @Sendable (Int) -> Result) -> [Result] {
    results(count: count, state: {}) { _, number in part(number) }
  }
}
