import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// Whatever happens to heaptap, its target runs on and nothing stays behind.
  @Suite struct Killing {
    @Test func `kill -9 leaves no trace, twenty times`() async throws {
      let target = try RunningProgram([try Workload.path("progress")])
      try await target.waitForOutput { !$0.isEmpty }
      let libc = try CodeMapping(of: target.pid, named: "libc.so.6")
      #expect(try libc.isAsInFile(), "somebody else has probes in this libc")
      let linksBefore = try await probeLinks().keys
      let filesBefore = leftovers()

      for round in 0..<20 {
        let watch = try HeaptapCommand.start([
          "watch", "--pid", "\(target.pid)", "--exact", "--json", "--interval", "0.05",
        ])
        try await watch.waitForOutput { $0.contains("\n") }
        if round == 0 { #expect(try !libc.isAsInFile(), "there are probes to leave behind") }
        try await Task.sleep(for: .milliseconds(round * 7))
        let helpers = processes(of: watch.pid)
        watch.signal(SIGKILL)
        #expect(try await watch.result().end == .signal(SIGKILL))

        try await eventually("helpers stay") { helpers.allSatisfy { kill($0, 0) != 0 } }
        // Links of a killed process are closed by the kernel's deferred work.
        try await eventually("probes stay in libc") { try libc.isAsInFile() }
        let killed = watch.pid
        let known = Set(linksBefore)
        try await eventually("probe links stay") {
          try await self.probeLinks().allSatisfy { id, holders in
            known.contains(id) || holders.contains { $0 != killed }
          }
        }
        #expect(kill(-killed, 0) == 0 && processes(inGroup: killed) == [killed], "only the zombie")
        let progress = target.output.utf8.count
        try await target.waitForOutput(within: 5) { $0.utf8.count > progress + 10 }
      }
      #expect(leftovers() == filesBefore)
    }

    @Test func `a normal end leaves no trace either`() async throws {
      let target = try RunningProgram([try Workload.path("progress")])
      try await target.waitForOutput { !$0.isEmpty }
      let libc = try CodeMapping(of: target.pid, named: "libc.so.6")
      let filesBefore = leftovers()
      let result = try await HeaptapCommand.run([
        "watch", "--pid", "\(target.pid)", "--exact", "--interval", "0.2", "--count", "2",
      ])
      #expect(result.end == .status(0))
      #expect(try libc.isAsInFile())
      #expect(leftovers() == filesBefore)
      let progress = target.output.utf8.count
      try await target.waitForOutput(within: 5) { $0.utf8.count > progress + 10 }
    }

    @Test func `a killed run leaves its command running`() async throws {
      let run = try HeaptapCommand.start(
        ["run", "--exact", "--json", "--interval", "0.1", "--", try Workload.path("progress")])
      try await run.waitForOutput { $0.count > 50 }
      run.signal(SIGKILL)
      #expect(try await run.result().end == .signal(SIGKILL))
      let progress = run.output.utf8.count
      try await run.waitForOutput(within: 5) { $0.utf8.count > progress + 10 }
    }

    private func eventually(
      _ complaint: String,
      within limit: Double = 5,
      _ condition: () async throws -> Bool
    ) async throws {
      let deadline = ContinuousClock.now + .seconds(limit)
      while try await !condition() {
        guard ContinuousClock.now < deadline else { throw TestSupportError(complaint) }
        try await Task.sleep(for: .milliseconds(20))
      }
    }

    /// Ids of the machine's uprobe links with the processes that hold them.
    private func probeLinks() async throws -> [Int: [pid_t]] {
      struct Link: Decodable {
        struct Holder: Decodable { var pid: pid_t }
        var id: Int
        var type: String
        var pids: [Holder]?
      }
      let listing = try await RunningProgram(["bpftool", "--json", "link"]).result()
      let links = try JSONDecoder().decode([Link].self, from: Data(listing.output.utf8))
      return Dictionary(
        uniqueKeysWithValues: links.filter { ["perf_event", "uprobe_multi"].contains($0.type) }
          .map { ($0.id, ($0.pids ?? []).map(\.pid)) }
      )
    }

    private func processes(inGroup group: pid_t) -> [pid_t] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return names.compactMap { pid_t($0) }.filter { getpgid($0) == group }
    }

    /// Children of a process.
    private func processes(of parent: pid_t) -> [pid_t] {
      let text = try? String(
        contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
      return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
    }

    /// Files that a heaptap could have made.
    private func leftovers() -> Set<String> {
      let folders = ["/tmp", "/run", "/var/tmp", "/dev/shm", "/sys/fs/bpf"]
      return Set(
        folders.flatMap { folder in
          ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.contains("heaptap") }.map { "\(folder)/\($0)" }
        }
      )
    }
  }
}

/// The code of one library in a running process, beside its file.
private struct CodeMapping {
  private let pid: pid_t
  private let address: UInt64
  private let bytesInFile: Data

  init(of pid: pid_t, named name: String) throws {
    let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)
    for line in maps.split(separator: "\n") {
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard fields.count > 5, fields[1].contains("x"), fields[5].hasSuffix("/\(name)") else {
        continue
      }
      let range = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      let file = try FileHandle(forReadingFrom: URL(filePath: String(fields[5])))
      try file.seek(toOffset: UInt64(fields[2], radix: 16) ?? 0)
      self.pid = pid
      address = range[0]
      bytesInFile = try file.read(upToCount: Int(range[1] - range[0])) ?? Data()
      return
    }
    throw TestSupportError("process \(pid) has no code of \(name)")
  }

  func isAsInFile() throws -> Bool {
    let memory = try FileHandle(forReadingFrom: URL(filePath: "/proc/\(pid)/mem"))
    try memory.seek(toOffset: address)
    return try memory.read(upToCount: bytesInFile.count) == bytesInFile
  }
}
