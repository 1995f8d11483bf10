import Foundation
import Serving
import Synchronization
import TestSupport
import Testing
import WebService

/// The server as clients see it: curl, and sockets that misbehave.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct WebServerTests {
  /// A server on a port that the kernel chose, stopped with the value.
  private final class Running {
    let server: WebServer
    let address: ListenAddress

    init(_ address: ListenAddress = .tcp(host: "127.0.0.1", port: 0)) throws {
      server = WebServer(address: address)
      self.address = try server.start(Endpoints(), sampleState())
    }

    deinit { server.stop() }

    var url: String { "http://\(address)" }
    var port: UInt16 { if case .tcp(_, let port) = address { port } else { 0 } }
  }

  private final class Flag: Sendable {
    let value = Atomic(false)
  }

  private func curl(_ arguments: [String]) async throws -> ProgramResult {
    try await RunningProgram(["curl", "-sS", "--max-time", "10"] + arguments).result()
  }

  /// The status code and nothing else.
  private func status(_ arguments: [String]) async throws -> String {
    try await curl(["-o", "/dev/null", "-w", "%{http_code}"] + arguments).output
  }

  @Test func `curl gets what it asks for over TCP`() async throws {
    let running = try Running()
    #expect(running.port != 0)
    let metrics = try await curl(["-i", running.url + "/metrics"])
    #expect(metrics.end == .status(0), "\(metrics.errors)")
    #expect(metrics.output.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(metrics.output.lowercased().contains("content-type: text/plain; version=0.0.4"))
    #expect(metrics.output.contains("heaptap_process_live_bytes{pid=\"4711\",name=\"app\"} 700\n"))
    #expect(try await status([running.url + "/nothing"]) == "404")
    #expect(try await status(["-X", "POST", "-d", "x", running.url + "/metrics"]) == "405")
    let head = try await curl(["-I", running.url + "/api/v1/snapshot"])
    #expect(head.output.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(try #require(head.output.firstMatch(of: /(?i)content-length: ([0-9]+)/)?.1) != "0")
  }

  @Test func `curl gets what it asks for over a Unix socket`() async throws {
    let files = try ScratchDirectory()
    let path = files.path("http.sock")
    do {
      let running = try Running(.unix(path: path))
      let health = try await curl(["--unix-socket", path, "http://x/healthz"])
      #expect(health.output.contains("\"processes\":1"), "\(health.errors)")
      var information = stat()
      #expect(lstat(path, &information) == 0)
      #expect(information.st_mode & 0o7777 == 0o660)
      let error = #expect(throws: WebServerError.self) { _ = try Running(.unix(path: path)) }
      #expect(
        error?.description
          == "cannot listen on unix:\(path): another process does; stop it or choose another path")
      _ = running
    }
    #expect(access(path, F_OK) != 0, "the socket is removed")
  }

  @Test func `a socket that a killed server left behind is replaced, another file is not`()
    async throws
  {
    let files = try ScratchDirectory()
    let path = files.path("http.sock")
    let script = "import socket,os;s=socket.socket(socket.AF_UNIX);s.bind('\(path)');s.listen()"
    _ = try await RunningProgram(["python3", "-c", script]).result()
    #expect(access(path, F_OK) == 0)
    _ = try Running(.unix(path: path))
    try "text".write(toFile: files.path("file"), atomically: true, encoding: .utf8)
    #expect(throws: WebServerError.self) { _ = try Running(.unix(path: files.path("file"))) }
    #expect(files.text("file") == "text")
  }

  @Test func `an address that is taken is a sentence`() throws {
    let running = try Running()
    let error = #expect(throws: WebServerError.self) { _ = try Running(running.address) }
    #expect(
      error?.description
        == "cannot listen on \(running.address): address already in use; choose another address with http.listen"
    )
  }

  @Test func `prometheus finds nothing to object to`() async throws {
    let running = try Running()
    let script =
      "set -o pipefail; curl -sS --max-time 10 \(running.url)/metrics | promtool check metrics"
    let result = try await RunningProgram(["bash", "-c", script]).result()
    #expect(result.end == .status(0))
    #expect(result.output + result.errors == "")
  }

  @Test func `fifty scrapes at once are all answered`() async throws {
    let running = try Running()
    let script =
      "seq 50 | xargs -P 50 -I N curl -sS --max-time 20 -o /dev/null -w '%{http_code}\\n' \(running.url)/metrics"
    let result = try await RunningProgram(["bash", "-c", script]).result()
    #expect(result.output.split(separator: "\n").count { $0 == "200" } == 50, "\(result.errors)")
  }

  @Test func `answers do not wait for tasks that keep all shared threads busy`() throws {
    let running = try Running()
    // This thread is one of them: nothing below suspends. What holds the others ends with this test.
    let isAnswered = Flag()
    defer { isAnswered.value.store(true, ordering: .relaxed) }
    for _ in 1..<ProcessInfo.processInfo.processorCount {
      let isHeld = Flag()
      Task.detached {
        isHeld.value.store(true, ordering: .relaxed)
        while !isAnswered.value.load(ordering: .relaxed) { usleep(1000) }
      }
      while !isHeld.value.load(ordering: .relaxed) { usleep(1000) }
    }
    let arguments = ["curl", "-sS", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code} end"]
    let curl = try RunningProgram(arguments + [running.url + "/metrics"])
    let start = ContinuousClock.now
    while !curl.output.contains("end"), ContinuousClock.now - start < .seconds(8) { usleep(1000) }
    #expect(curl.output == "200 end", "\(curl.errors)")
  }

  @Test func `what is no request is refused, and the server goes on`() async throws {
    let running = try Running()
    let script = """
      import socket, os, random, sys
      random.seed(1)
      port = \(running.port)
      huge = b"GET /metrics HTTP/1.1\\r\\nHost: x\\r\\nX: " + b"a" * 200000 + b"\\r\\n\\r\\n"
      many = b"GET /metrics HTTP/1.1\\r\\nHost: x\\r\\n" + b"".join(b"X%d: y\\r\\n" % i for i in range(5000)) + b"\\r\\n"
      cases = [huge, many, b"\\0" * 1000, b"GET\\r\\n\\r\\n", b"GET /metrics HTTP/9.9\\r\\n\\r\\n",
               b"POST /metrics HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 99999999999999999999\\r\\n\\r\\n"]
      cases += [bytes(random.randrange(256) for _ in range(random.randrange(2000))) for _ in range(50)]
      for case in cases:
          s = socket.create_connection(("127.0.0.1", port), 5)
          s.settimeout(5)
          try:
              s.sendall(case)
              s.shutdown(socket.SHUT_WR)
              answer = s.recv(100)
              if answer.startswith(b"HTTP/1.1 200"):
                  print("answered", case[:60])
          except OSError:
              pass
          s.close()
      print("done")
      """
    let result = try await RunningProgram(["python3", "-c", script]).result()
    #expect(result.output == "done\n", "\(result.errors)")
    #expect(try await status([running.url + "/metrics"]) == "200")
  }

  @Test func `clients that say nothing and clients that don't listen keep nobody else waiting`()
    async throws
  {
    let running = try Running()
    let script = """
      import socket, time
      sockets = []
      for index in range(40):
          s = socket.create_connection(("127.0.0.1", \(running.port)), 5)
          if index % 2:
              s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
              s.sendall(b"GET /metrics HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 50)
          else:
              s.sendall(b"GET /met")
          sockets.append(s)
      print("open", flush=True)
      time.sleep(60)
      """
    let slow = try RunningProgram(["python3", "-c", script])
    try await slow.waitForOutput { $0.contains("open") }
    let start = ContinuousClock.now
    for _ in 0..<5 { #expect(try await status([running.url + "/metrics"]) == "200") }
    #expect(ContinuousClock.now - start < .seconds(5))
    let stop = ContinuousClock.now
    running.server.stop()
    #expect(ContinuousClock.now - stop < .seconds(3), "nobody can keep the server from stopping")
  }
}
