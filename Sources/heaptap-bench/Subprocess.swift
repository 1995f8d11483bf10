import Glibc

/// A child process whose standard output can be read line by line.
final class Subprocess {
  let pid: Int32
  private let output: Int32
  private var buffer: [UInt8] = []
  private var hasEnded = false

  /// Starts a program; `environment` is added to this process's.
  init(_ arguments: [String], environment: [String: String] = [:]) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { fatalError("cannot make a pipe: errno \(errno)") }
    for (name, value) in environment { setenv(name, value, 1) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    posix_spawn_file_actions_addclose(&actions, ends[0])
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    words.append(nil)
    var child: pid_t = 0
    let result = posix_spawnp(&child, arguments[0], &actions, nil, words, environ)
    for name in environment.keys { unsetenv(name) }
    close(ends[1])
    guard result == 0 else { fatalError("cannot start \(arguments[0]): errno \(result)") }
    pid = child
    output = ends[0]
    _ = fcntl(output, F_SETFL, O_NONBLOCK)
  }

  /// Whole lines that arrived since the last call.
  func newLines() -> [String] {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(output, &chunk, chunk.count)
      guard count > 0 else { break }
      buffer += chunk[..<count]
    }
    guard let end = buffer.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    let lines = String(decoding: buffer[...end], as: UTF8.self).split(separator: "\n").map(
      String.init)
    buffer.removeSubrange(...end)
    return lines
  }

  /// Waits until a line appears; false after the limit.
  func waitForLine(containing text: String, seconds: Double) -> Bool {
    for _ in 0..<Int(seconds * 100) {
      if newLines().contains(where: { $0.contains(text) }) { return true }
      usleep(10_000)
    }
    return false
  }

  func end(_ signal: Int32) {
    guard !hasEnded else { return }
    hasEnded = true
    kill(pid, signal)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    close(output)
  }

  deinit { end(SIGKILL) }
}
