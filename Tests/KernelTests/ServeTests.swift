import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// The daemon, with everything it writes and answers.
  @Suite struct Serving {
    private let files: ScratchDirectory

    init() throws { files = try ScratchDirectory() }

    private var socket: String { files.path("http.sock") }

    /// A daemon that observes one process and listens on a Unix socket.
    private func serve(_ pid: pid_t, _ more: String = "") async throws -> RunningProgram {
      let text = """
        scope: {pids: [\(pid)]}
        interval: 0.2s
        top: 5
        summary: {interval: 10s, directory: \(files.path("summaries"))}
        history: {path: \(files.path("history.sqlite"))}
        http: {listen: "unix:\(socket)"}
        \(more)
        """
      try text.write(toFile: files.path("serve.yaml"), atomically: true, encoding: .utf8)
      let daemon = try HeaptapCommand.start(["serve", "--config", files.path("serve.yaml")])
      let deadline = ContinuousClock.now + .seconds(20)
      while !daemon.errors.contains("ready"), ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(20))
      }
      return daemon
    }

    private func get(_ path: String) async throws -> String {
      try await RunningProgram([
        "curl", "-sS", "--max-time", "10", "--unix-socket", socket, "http://x\(path)",
      ]).result().output
    }

    private func summaries(_ suffix: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: files.path("summaries"))
        .filter { $0.hasSuffix(suffix) }.sorted()
    }

    private func sql(_ query: String) async throws -> String {
      try await RunningProgram(["sqlite3", files.path("history.sqlite"), query]).result().output
    }

    /// The time of the snapshot that is served, once it is a later one: milliseconds since 1970.
    private func publishedTime(after earlier: Double?) async throws -> Double {
      let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
      let deadline = ContinuousClock.now + .seconds(10)
      while ContinuousClock.now < deadline {
        let snapshot = try await get("/api/v1/snapshot")
        if let text = snapshot.firstMatch(of: #/"time":"([^"]*)"/#)?.1 {
          let time = (try style.parse(String(text)).timeIntervalSince1970 * 1000).rounded()
          if time != earlier { return time }
        }
        try await Task.sleep(for: .milliseconds(10))
      }
      throw TestSupportError("no later snapshot was published in 10 s")
    }

    @Test func `a leak is in summary, metrics, snapshot and history`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let daemon = try await serve(server.pid)
      try await Task.sleep(for: .seconds(5))

      let metrics = try await get("/metrics")
      #expect(metrics.contains("\nheaptap_up 1\n"), "\(daemon.errors)")
      let leak = try #require(
        metrics.split(separator: "\n").first {
          $0.hasPrefix("heaptap_site_live_bytes{") && $0.contains("function=\"leak\"")
        })
      #expect(leak.contains("pid=\"\(server.pid)\""))
      #expect(leak.contains("verdict=\"growing\""))
      #expect(Int(leak.split(separator: " ").last ?? "") ?? 0 > 1280)
      let script =
        "set -o pipefail; curl -sS --unix-socket \(socket) http://x/metrics | promtool check metrics"
      #expect(try await RunningProgram(["bash", "-c", script]).result().end == .status(0))

      let health = try await get("/healthz")
      #expect(health.hasPrefix("{\"ok\":true,"))
      #expect(health.contains("libc"))
      let snapshot = try #require(try WatchReport.decode(try await get("/api/v1/snapshot")).first)
      #expect(snapshot.targets.map(\.pid) == [server.pid])

      daemon.signal(SIGTERM)
      let result = try await daemon.result(within: 10)
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(access(socket, F_OK) != 0, "the socket is removed")

      let name = try #require(try summaries(".json").last)
      let summary = files.text("summaries/\(name)")
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(summary.utf8)) as? [String: Any])
      #expect(object["schema"] as? String == "heaptap.summary/1")
      let suspects = try #require(object["suspects"] as? [[String: Any]])
      let stack = try #require(suspects.first?["stack"] as? [[String: Any]])
      #expect(stack.first?["function"] as? String == "leak")
      #expect(stack.first?["file"] as? String != nil)
      let processes = try #require(object["processes"] as? [[String: Any]])
      #expect(processes.map { $0["pid"] as? Int } == [Int(server.pid)])
      #expect(files.text("summaries/\(try #require(try summaries(".txt").last))").contains("leak"))

      let count = try await sql("SELECT count(*) FROM process_sample")
      #expect((10...60).contains(Int(count.dropLast()) ?? 0), "\(count)")
      #expect(
        try await sql(
          "SELECT DISTINCT function FROM site JOIN site_sample ON site = site.id") == "leak\n")
    }

    @Test func `a period ends with a summary while the daemon goes on`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let daemon = try await serve(server.pid)
      let deadline = ContinuousClock.now + .seconds(15)
      while (try? summaries(".json"))?.isEmpty ?? true, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(100))
      }
      let name = try #require(try summaries(".json").first, "\(daemon.errors)")
      try await Task.sleep(for: .milliseconds(300))
      let text = files.text("summaries/\(name)")
      #expect(try await get("/api/v1/summary/latest") == text)
      #expect(text.contains(#/"to":"[^"]*:[0-5]0\.000Z"/#), "it ends at a multiple of 10 s")
    }

    @Test func `the history survives twenty kills and misses one interval at most`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      for round in 1...20 {
        let daemon = try await serve(server.pid)
        try await Task.sleep(for: .milliseconds(Int.random(in: 100...600)))
        // Of the snapshots that are known to have been published, the last may be missing.
        let known = try await publishedTime(after: nil)
        _ = try await publishedTime(after: known)
        daemon.signal(SIGKILL)
        _ = try await daemon.result(within: 5)
        #expect(!daemon.errors.contains("damaged"), "\(daemon.errors)")
        #expect(try await sql("PRAGMA integrity_check") == "ok\n")
        let last = Double(try await sql("SELECT max(time) FROM process_sample").dropLast()) ?? 0
        #expect(last >= known, "round \(round): \(known - last) ms are missing")
      }
      #expect(try await sql("SELECT count(*) FROM run") == "20\n")
    }

    @Test func `a full disk is said once, and what else it does goes on`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let folder = files.path("summaries")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      let mount = try await RunningProgram([
        "mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder,
      ]).result()
      try #require(mount.end == .status(0), "\(mount.errors)")
      defer { umount2(folder, Int32(MNT_DETACH)) }
      try #require(
        FileManager.default.createFile(atPath: folder + "/full", contents: Data(count: 16 << 10)))
      let daemon = try await serve(server.pid)
      let deadline = ContinuousClock.now + .seconds(40)
      while ContinuousClock.now < deadline {
        if try await get("/metrics").contains(#/failed_writes_total\{what="summary"\} [2-9]/#) {
          break
        }
        try await Task.sleep(for: .milliseconds(300))
      }
      let complaints = daemon.errors.split(separator: "\n").filter { $0.contains("summary") }
      #expect(complaints.count == 1, "\(daemon.errors)")
      #expect(complaints.first?.contains("no space left on device") == true, "\(daemon.errors)")
      #expect(try summaries("").sorted() == ["full"], "nothing half-written is left")
      #expect(Int(try await sql("SELECT count(*) FROM process_sample").dropLast()) ?? 0 > 20)
    }

    @Test func `SIGHUP takes over what can change and says what can't`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let daemon = try await serve(server.pid)
      let path = files.path("serve.yaml")
      let text = files.text("serve.yaml")
      func reload(_ changed: String, until expected: String) async throws {
        try changed.write(toFile: path, atomically: true, encoding: .utf8)
        daemon.signal(SIGHUP)
        let deadline = ContinuousClock.now + .seconds(10)
        while !daemon.errors.contains(expected), ContinuousClock.now < deadline {
          try await Task.sleep(for: .milliseconds(20))
        }
        #expect(daemon.errors.contains(expected), "\(daemon.errors)")
      }
      try await reload(
        text.replacingOccurrences(of: "interval: 10s,", with: "interval: 10s, formats: [json],"),
        until: "heaptap: reloaded: summary.formats\n")
      try await reload(
        text.replacingOccurrences(of: "top: 5", with: "top: 6"),
        until: "heaptap: these need a restart to take effect: top\n")
      try await reload(
        text + "\nx: y\n", until: "line 8: there is no setting x;")
      daemon.signal(SIGINT)
      #expect(try await daemon.result(within: 10).end == .status(0))
    }

    @Test func `a service manager is told when it is ready and when it stops`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let path = files.path("notify")
      let script = """
        import socket
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind("\(path)")
        print("bound", flush=True)
        while True:
            print(s.recv(4096).decode().splitlines()[0], flush=True)
        """
      let manager = try RunningProgram(["python3", "-c", script])
      try await manager.waitForOutput { $0.contains("bound") }
      let daemon = try HeaptapCommand.start(
        [
          "serve", "--pid", "\(server.pid)", "--history", "null", "--summary-directory", "null",
          "--listen", "null",
        ], environment: ["NOTIFY_SOCKET": path])
      try await manager.waitForOutput { $0.contains("READY=1\n") }
      daemon.signal(SIGTERM)
      #expect(try await daemon.result(within: 10).end == .status(0))
      try await manager.waitForOutput { $0.contains("STOPPING=1\n") }
    }

    @Test(
      arguments: [
        (
          ["--interval", "2"], 2,
          "--interval takes a duration from 0.1s to 1h, with its unit s, min, h or d"
        ),
        (
          ["--pid", "1", "--name", "x"], 2, "--pid and --name exclude each other: give one of them"
        ),
        (
          ["--config", "/nonexistent"], 2,
          "cannot read /nonexistent: no such file or directory; choose another file with --config"
        ),
        (
          ["--listen", "0.0.0.0:0"], 2,
          "cannot serve: http.listen is 0.0.0.0:0, where other machines can connect; take a loopback address or a "
            + "unix: socket, or set http.allow_remote to true"
        ),
        (
          ["--pid", "2", "--history", "null", "--listen", "null"], 4,
          "cannot observe process 2 (kthreadd): it is a kernel thread, which has no heap; choose a user process"
        ),
      ] as [([String], Int32, String)])
    func `what can't be served is a sentence`(
      arguments: [String], status: Int32, sentence: String
    ) async throws {
      let result = try await HeaptapCommand.run(["serve"] + arguments, within: 20)
      #expect(result.end == .status(status))
      #expect(result.errors == "heaptap: \(sentence)\n")
    }

    @Test func `processes that come later are observed by their name`() async throws {
      let text = """
        scope: {names: [server]}
        interval: 0.2s
        summary: {directory: null}
        history: {path: null}
        http: {listen: "unix:\(socket)"}
        """
      try text.write(toFile: files.path("serve.yaml"), atomically: true, encoding: .utf8)
      let daemon = try HeaptapCommand.start(["serve", "--config", files.path("serve.yaml")])
      try await Task.sleep(for: .seconds(2))
      let first = try RunningProgram([try Workload.path("server"), "3"])
      let second = try RunningProgram([try Workload.path("server")])
      let deadline = ContinuousClock.now + .seconds(15)
      var metrics = ""
      while ContinuousClock.now < deadline {
        metrics = try await get("/metrics")
        if metrics.contains("live_bytes{pid=\"\(second.pid)\"") { break }
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(
        metrics.contains("live_bytes{pid=\"\(first.pid)\",name=\"server\"}"), "\(daemon.errors)")
      #expect(metrics.contains("live_bytes{pid=\"\(second.pid)\",name=\"server\"}"), "\(metrics)")
      _ = try await first.result(within: 10)
      second.signal(SIGTERM)
      _ = try await second.result(within: 10)
      try await Task.sleep(for: .seconds(1))
      #expect(try await get("/metrics").contains("heaptap_processes 0\n"), "it goes on without any")
      daemon.signal(SIGTERM)
      #expect(try await daemon.result(within: 10).end == .status(0))
    }
  }
}
