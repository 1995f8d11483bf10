/// Which windows of many processes are light ones, in which only frees are recorded.
///
/// A light window tells how much threads are slowed, and for that time nobody's allocations. So a few processes that want
/// one, as new ones do, wait until the others have had some full windows.
package struct LightWindowTurns: Hashable, Sendable {
  /// Full windows that come before a light one for few, and how many times as many are few.
  private static let stride = 8

  private var fullWindowsSince = 0

  package init() {}

  /// - Parameters:
  ///   - wanted: processes that would learn from a light window, ≥ 0.
  ///   - seen: processes that are in the next window, ≥ wanted.
  package func isDue(wanted: Int, of seen: Int) -> Bool {
    wanted > 0 && (wanted * Self.stride >= seen || fullWindowsSince >= Self.stride)
  }

  /// Takes note of a window.
  package mutating func note(isLight: Bool) {
    fullWindowsSince = isLight ? 0 : fullWindowsSince + 1
  }
}
