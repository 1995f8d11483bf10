import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// A process that the kernel kills for want of memory.
  @Suite(.enabled(if: MemoryGroup.isPossible, "this machine has no memory controller"))
  struct RunningOutOfMemory {
    @Test func `its last figures say so`() async throws {
      let group = try MemoryGroup(byteCount: 64 << 20)
      let program = try RunningProgram([
        "/bin/sh", "-c",
        """
        echo $$ > \(group.path)/cgroup.procs
        exec perl -e '$| = 1; print "ready\\n"; sleep 3; push @a, "x" x 100000 while 1'
        """,
      ])
      try await program.waitForOutput { $0.contains("ready") }
      let watch = try HeaptapCommand.start([
        "watch", "--pid", "\(program.pid)", "--exact", "--json", "--interval", "0.5",
      ])
      let result = try await watch.result(within: 60)
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(try await program.result(within: 10).end == .signal(9))
      let line = try #require(result.output.split(separator: "\n").last)
      #expect(line.contains(#""ended":{"status":null,"signal":9,"out_of_memory":true}"#), "\(line)")
      let last = try #require(try WatchReport.decode(result.output).last?.targets.first)
      #expect(last.exited)
      #expect(last.liveBytes > 20 << 20, "what it held is known")
    }
  }
}

/// A control group whose processes may have so much memory and no more; removed with it.
private final class MemoryGroup {
  private static let folders = [
    (root: "/sys/fs/cgroup", limit: "memory.max", needed: "cgroup.controllers"),
    (root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", needed: "tasks"),
  ]

  private static var folder: (root: String, limit: String, needed: String)? {
    folders.first { FileManager.default.fileExists(atPath: "\($0.root)/\($0.needed)") }
  }

  static var isPossible: Bool { folder != nil }

  let path: String

  init(byteCount: Int) throws {
    let folder = try #require(Self.folder)
    if folder.limit == "memory.max" {
      try "+memory".write(
        toFile: "\(folder.root)/cgroup.subtree_control", atomically: false, encoding: .utf8)
    }
    path = "\(folder.root)/heaptap-memory-test-\(getpid())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try "\(byteCount)".write(
      toFile: "\(path)/\(folder.limit)", atomically: false, encoding: .utf8)
  }

  deinit { rmdir(path) }
}
