package import Foundation

/// A program started by a test, in a process group of its own.
///
/// It and all it started are killed when the value goes away. Its output goes to files, so that it
/// never waits for its reader.
package struct RunningProgram: ~Copyable, Sendable {
  package let pid: pid_t
  private let files: ScratchDirectory

  /// Starts `arguments[0]` with standard input from `/dev/null`.
  package init(_ arguments: [String], environment: [String: String] = [:]) throws {
    let files = try ScratchDirectory()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let creation = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, files.path("out"), creation, 0o644)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, files.path("err"), creation, 0o644)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))

    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var argumentStrings = arguments.map { strdup($0) } + [nil]
    var environmentStrings = merged.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in argumentStrings + environmentStrings { free(string) } }
    var child: pid_t = 0
    let code = posix_spawnp(
      &child,
      arguments[0],
      &actions,
      &attributes,
      &argumentStrings,
      &environmentStrings
    )
    guard code == 0 else {
      throw TestSupportError("cannot start \(arguments[0]): \(String(cString: strerror(code)))")
    }
    pid = child
    self.files = files
  }

  deinit {
    kill(-pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// What it has written so far.
  package var output: String { files.text("out") }
  package var errors: String { files.text("err") }

  package func signal(_ number: Int32) { kill(pid, number) }

  /// Waits for its end on the calling thread, however long that takes: whether its status was 0.
  package func succeeds() -> Bool {
    var information = siginfo_t()
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    return information.si_code == CLD_EXITED && information.childStatus == 0
  }

  /// Waits for its end; after `limit` seconds it is killed and `end` is nil.
  package func result(within limit: Double = 60) async throws -> ProgramResult {
    let deadline = ContinuousClock.now + .seconds(limit)
    var information = siginfo_t()
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT) == 0 {
      if information.si_signo == SIGCHLD {
        // The status proper is fetched by `deinit`; here it is only looked at.
        let status = information.childStatus
        let end: ProgramResult.End =
          information.si_code == CLD_EXITED ? .status(status) : .signal(status)
        return ProgramResult(end: end, output: output, errors: errors)
      }
      if ContinuousClock.now > deadline {
        kill(-pid, SIGKILL)
        return ProgramResult(end: nil, output: output, errors: errors)
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw TestSupportError("cannot wait for process \(pid)")
  }

  /// Waits until `condition` holds of what it has written to standard output.
  package func waitForOutput(
    within limit: Double = 20,
    where condition: (String) -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(limit)
    while !condition(output) {
      guard ContinuousClock.now < deadline else {
        throw TestSupportError(
          "process \(pid) did not write what was expected in \(limit) s: \(output)\(errors)"
        )
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

/// How a program ended and what it wrote.
package struct ProgramResult: Sendable {
  package enum End: Hashable, Sendable {
    case status(Int32)
    case signal(Int32)
  }

  /// nil: it had to be stopped because its time was over.
  package var end: End?
  package var output: String
  package var errors: String
}

/// A test could not be carried out.
package struct TestSupportError: Error, CustomStringConvertible {
  package var description: String

  package init(_ description: String) { self.description = description }
}

extension siginfo_t {
  /// `si_status`, which is a C macro over a union: the third word of the SIGCHLD fields.
  fileprivate var childStatus: Int32 {
    withUnsafeBytes(of: self) { $0.load(fromByteOffset: 24, as: Int32.self) }
  }
}
