import LinuxSystem

/// Says on a terminal what takes longer than a second.
enum Progress {
  /// Does some work.
  ///
  /// - Parameter name: of the work, such as "looking for references".
  static func during<Result, Failure: Error>(
    _ name: String, _ work: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let output = OutputStream.standardError
    guard output.isTerminal, let isDone = try? EventFlag(),
      let thread = try? OwnThread({ show(name, on: output, until: isDone) })
    else { return try work() }
    defer {
      isDone.raise()
      thread.join()
    }
    return try work()
  }

  private static func show(_ name: String, on output: OutputStream, until isDone: EventFlag) {
    var seconds = 0
    while !isDone.isRaised(within: 1000) {
      seconds += 1
      output.write("\rheaptap: \(name), \(seconds) s ")
    }
    // Clears the line (ECMA-48, EL).
    if seconds > 0 { output.write("\r\u{1b}[K") }
  }
}
