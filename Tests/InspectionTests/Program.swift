import Foundation
import Inspection
import LinuxSystem
import Processes
import TestSupport

/// The programs of `Programs`, compiled when they are first needed.
enum Program {
  /// Starts one and waits until it says that it is ready.
  static func start(_ name: String, _ arguments: String...) async throws -> RunningProgram {
    try await start([name] + arguments)
  }

  /// The same of a name and its arguments.
  static func start(_ words: [String]) async throws -> RunningProgram {
    let program = try RunningProgram([try folder.get().path(words[0])] + words.dropFirst())
    try await program.waitForOutput { $0.contains("ready\n") }
    return program
  }

  private static let folder = Result {
    let folder = try ScratchDirectory()
    let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Programs")
    for name in [
      "planted_blocks", "blocked_calls", "vfork_wait", "lost_blocks", "planted_chains",
      "trimmed_heap", "planted_places", "secrets", "exact_registers",
    ] {
      try Toolchain.run(
        "gcc", "-O0", "-fno-builtin", "-pthread", "-o", folder.path(name),
        sources.appending(path: "\(name).c").path())
    }
    return folder
  }

  /// What is known of its heap now; symbols are as they are in its files.
  static func survey(
    of pid: Int32, names: @escaping HeapSurvey.NameReading = { $0 }
  ) throws -> HeapSurvey {
    let image = try ImageCopier(pid: pid, maximumPause: .seconds(60)).copy()
    return HeapSurvey(
      of: image, try image.walkHeap(), in: ProcessDirectory(pid: pid), names: names)
  }

  /// Whether this machine lets a process stop its children.
  static let canStop: Bool = {
    guard let program = try? RunningProgram(["sleep", "600"]) else { return false }
    let stop = try? StoppedProcess.whileStopped(program.pid, patience: .seconds(30)) { _ in true }
    return stop != nil
  }()

  /// What `/proc/PID/status` says of a process.
  static func status(of pid: Int32, _ field: String) throws -> String? {
    let text = String(
      decoding: try WholeFile.contents(of: "/proc/\(pid)/status", limit: 1 << 16), as: UTF8.self)
    return text.split(separator: "\n").first { $0.hasPrefix(field + ":") }
      .map { $0.dropFirst(field.count + 1).trimmingCharacters(in: .whitespaces) }
  }
}
