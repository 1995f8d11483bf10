import Executables
import Foundation
import TestSupport
import Testing

@Suite(
  "The reader of debug information", .enabled(if: HeaptapCommand.isBuilt, "needs the built heaptap")
)
struct SourceReaderTests {
  @Test("it has no privileges, and no descriptors but its socket")
  func confined() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile()
    _ = fixture.calls(in: try fixture.module(program), at: try fixture.mark(in: program))
    let pid = try #require(fixture.resolver.readerPid)
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    func field(_ name: String) -> [String] {
      let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
      return line?.split(whereSeparator: \.isWhitespace).dropFirst().map(String.init) ?? []
    }
    let expected = geteuid() == 0 ? "65534" : "\(geteuid())"
    #expect(field("Uid") == Array(repeating: expected, count: 4))
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
      #expect(field(set) == ["0000000000000000"])
    }
    #expect(field("NoNewPrivs") == ["1"])
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
    // libdwfl may keep the one module open.
    #expect(Set(descriptors).isSuperset(of: ["0", "1", "2", "3"]) && descriptors.count <= 6)
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/3")
    #expect(own.hasPrefix("socket:"))
  }

  @Test("it ends with whoever asks")
  func ending() async throws {
    var fixture: SourceFixture? = try SourceFixture()
    let program = try required(try fixture?.compile())
    _ = fixture?.calls(
      in: try required(try fixture?.module(program)),
      at: try required(try fixture?.mark(in: program)))
    let pid = try #require(fixture?.resolver.readerPid)
    #expect(kill(pid, 0) == 0)
    fixture = nil
    #expect(kill(pid, 0) != 0)
  }

  @Test("one that was killed is replaced, and costs nothing that was known")
  func replaced() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile()
    let mark = try fixture.mark(in: program)
    let module = try fixture.module(program)
    #expect(fixture.lines(in: module, at: mark) == SourceFixture.chainLines)
    let pid = try #require(fixture.resolver.readerPid)
    kill(pid, SIGKILL)
    var information = siginfo_t()
    #expect(waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) == 0)
    #expect(fixture.lines(in: module, at: mark) == SourceFixture.chainLines)
    #expect(fixture.calls(in: module, at: mark + 1).last?.function == "physical")
    #expect(fixture.resolver.readerPid != pid)
  }

  @Test("one that a module keeps busy for too long is replaced, and the module is not read again")
  func stuck() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile(to: "stuck", with: ["-gsplit-dwarf"])
    let mark = try fixture.mark(in: program)
    // libdw waits for somebody to write into the pipe.
    try fixture.run("sh", "-c", "rm *.dwo && mkfifo stuck-source.dwo && ls")
    let stuck = SourceResolver.Place(
      module: try fixture.module(program), address: mark, symbol: "_ZN1a1bEv")
    let good = try fixture.module(try fixture.compile())
    #expect(fixture.resolver.calls(at: stuck) == nil)
    #expect(fixture.lines(in: good, at: mark) == SourceFixture.chainLines)
    #expect(fixture.resolver.calls(at: stuck) == [SourceCall(function: "a::b()")])
    #expect(fixture.resolver.failuresByPath.keys.sorted() == [program])
    #expect(fixture.resolver.lostReaderCount == 1)
  }

  @Test("one that can't be started, or never answers sense, is given up without waiting")
  func useless() throws {
    let fixture = try SourceFixture()
    let module = try fixture.module(try fixture.compile())
    for program in [["/nonexistent"], ["/bin/false"], ["/bin/sh", "-c", "echo noise >&3"]] {
      let resolver = SourceResolver(
        reader: SourceResolver.Reader(path: program[0], arguments: program))
      let place = SourceResolver.Place(module: module, address: 1, symbol: "_ZN1a1bEv")
      #expect(resolver.calls(at: place) == nil)
      let elapsed = ContinuousClock().measure { resolver.settle(within: 30) }
      #expect(elapsed < .seconds(10))
      #expect(resolver.calls(at: place) == [])
      #expect(resolver.failuresByPath.keys.sorted() == ["all files"])
    }
  }

  @Test("one that does not answer is waited for as long as was said")
  func silent() throws {
    let fixture = try SourceFixture()
    let module = try fixture.module(try fixture.compile())
    let resolver = SourceResolver(
      reader: SourceResolver.Reader(path: "/bin/sleep", arguments: ["sleep", "60"]))
    let place = SourceResolver.Place(module: module, address: 1, symbol: nil)
    #expect(resolver.calls(at: place) == nil)
    let elapsed = ContinuousClock().measure { resolver.settle(within: 0.3) }
    #expect(elapsed >= .milliseconds(290) && elapsed < .seconds(5))
    #expect(resolver.calls(at: place) == nil)
  }

  @Test(
    "a debuginfod server is asked for debug files that are nowhere else",
    .enabled(
      if: FileManager.default.fileExists(
        atPath: "/usr/lib/x86_64-linux-gnu/libdebuginfod.so.1") && Toolchain.has("python3"),
      "needs libdebuginfod1 and python3"))
  func server() async throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile(with: ["-Wl,--build-id=0xfeedfacecafebeef"])
    let mark = try fixture.mark(in: program)
    try fixture.run("mkdir", "-p", "served/buildid/feedfacecafebeef", "cache")
    try fixture.run("chmod", "777", "cache")
    try fixture.run(
      "objcopy", "--only-keep-debug", "program", "served/buildid/feedfacecafebeef/debuginfo")
    try fixture.run("strip", "program")

    let server = try RunningProgram([
      "python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory",
      fixture.files.path("served"), "0",
    ])
    try await server.waitForOutput { $0.contains("port ") }
    let port = try #require(server.output.firstMatch(of: /port ([0-9]+)/)?.1)
    let resolver = SourceResolver(
      reader: SourceResolver.Reader(
        path: "/usr/bin/env",
        arguments: [
          "env", "DEBUGINFOD_URLS=http://127.0.0.1:\(port)",
          "DEBUGINFOD_CACHE_PATH=\(fixture.files.path("cache"))", HeaptapCommand.path,
          "resolve-worker",
        ]))
    let place = SourceResolver.Place(
      module: try fixture.module(program), address: mark, symbol: nil)
    _ = resolver.calls(at: place)
    resolver.settle(within: 60)
    #expect(
      resolver.calls(at: place)?.map(\.function) == [
        "innermost", "middle", "outermost", "physical",
      ]
    )
  }
}
