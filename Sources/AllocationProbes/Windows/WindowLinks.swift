import LinuxSystem

/// The links of one window.
///
/// While the kernel writes a breakpoint, threads that hit another wait for the lock of their address space. They are
/// given it before they have a processor, so that the next breakpoint waits for their turn: where threads outnumber
/// processors, twenty breakpoints take 0.3 s. So the functions that are called most are attached last and detached first.
struct WindowLinks {
  private var usual: [LinkSet] = []
  private var others: [LinkSet] = []

  /// By which usual functions are detached before others, nanoseconds: what a breakpoint or two take to go.
  private static let headStart: UInt64 = 100_000

  mutating func add(_ links: LinkSet, isUsual: Bool) {
    if isUsual { usual.append(links) } else { others.append(links) }
  }

  /// Closes all; programs can't run any more then. Those who wait for that at the same time wait once.
  ///
  /// - Returns: nanoseconds of CPU time that it took in another thread.
  @discardableResult
  mutating func close() -> UInt64 {
    let (first, second) = (usual, others)
    usual = []
    others = []
    var elsewhere: UInt64 = 0
    let closing = {
      LinkSet.close(first)
      elsewhere = SystemClock.threadNanoseconds
    }
    guard !first.isEmpty, !second.isEmpty, let thread = try? OwnThread(closing) else {
      LinkSet.close(first + second)
      return 0
    }
    WindowProbes.sleep(Self.headStart)
    LinkSet.close(second)
    thread.join()
    return elsewhere
  }
}
