import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// `types`, `refs` and `where`: what is asked of a heap from the command line.
  @Suite struct HeapQuestions {
    private struct Types: Decodable {
      struct Row: Decodable {
        var name: String
        var kind: String
        var blocks: UInt64
        var growth_blocks: Int64?
      }
      var schema: String
      var types: [Row]
    }

    private struct References: Decodable {
      struct Root: Decodable { var kind: String, name: String }
      struct Hop: Decodable { var address: String }
      struct Path: Decodable { var root: Root, hops: [Hop] }
      var schema: String
      var paths: [Path]
      var retained_bytes: UInt64
    }

    private struct Place: Decodable {
      var kind: String
      var bytes: UInt64?
      var name: String?
    }

    @Test func `growth between two runs is that of the program`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      try await Task.sleep(for: .milliseconds(300))
      let files = try ScratchDirectory()
      let first = try await HeaptapCommand.run(["types", "--pid", "\(server.pid)", "--json"])
      #expect(first.end == .status(0), "\(first.errors)")
      try first.output.write(toFile: files.path("before"), atomically: true, encoding: .utf8)
      try await Task.sleep(for: .milliseconds(300))
      let second = try await HeaptapCommand.run([
        "types", "--pid", "\(server.pid)", "--json", "--diff", files.path("before"),
      ])
      #expect(second.end == .status(0), "\(second.errors)")
      let types = try JSONDecoder().decode(Types.self, from: Data(second.output.utf8))
      #expect(types.schema == "heaptap.types/1")
      // It keeps a block of 128 bytes, which it does not write to, a millisecond.
      let grown = try #require(types.types.first)
      #expect((grown.growth_blocks ?? 0) > 50, "\(grown)")
      let before = try JSONDecoder().decode(Types.self, from: Data(first.output.utf8))
      let former = before.types.first { $0.name == grown.name && $0.kind == grown.kind }
      #expect(Int64(grown.blocks) - Int64(former?.blocks ?? 0) == grown.growth_blocks)
    }

    @Test func `a copy-on-write image answers the same questions, and leaves nothing behind`()
      async throws
    {
      let server = try RunningProgram([try Workload.path("server")])
      try await Task.sleep(for: .milliseconds(300))
      for command in [["heap"], ["types"], ["leaks"], ["refs", "--holders"], ["blocks"]] {
        let result = try await HeaptapCommand.run(
          command + ["--pid", "\(server.pid)", "--copy-on-write"])
        #expect(result.end == .status(0), "\(command): \(result.errors)")
        #expect(result.errors.contains("it stood still for "), "\(command): \(result.errors)")
        #expect(result.errors.contains("checks of the heap hold"), "\(command): \(result.errors)")
      }
      let children = try String(
        contentsOfFile: "/proc/\(server.pid)/task/\(server.pid)/children", encoding: .utf8)
      #expect(children == "")
      server.signal(SIGTERM)
      #expect(try await server.result(within: 5).end == .status(0))
    }

    @Test func `where a copy-on-write image is not safe that is said, and nothing is done`()
      async throws
    {
      let program = try RunningProgram([
        "python3", "-c",
        """
        import ctypes, time
        libc = ctypes.CDLL(None)
        class Line(ctypes.Structure):
            _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
        class Filter(ctypes.Structure):
            _fields_ = [("count", ctypes.c_ushort), ("lines", ctypes.POINTER(Line))]
        allow = Line(6, 0, 0, 0x7fff0000)
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(Filter(1, ctypes.pointer(allow)))):
            raise SystemExit(1)
        print("ready", flush=True)
        time.sleep(600)
        """,
      ])
      try await program.waitForOutput { $0.contains("ready") }
      let result = try await HeaptapCommand.run(
        ["heap", "--pid", "\(program.pid)", "--copy-on-write"])
      #expect(result.end == .status(4), "\(result.errors)")
      #expect(
        result.errors.contains(
          "cannot take a copy-on-write image of process \(program.pid): seccomp filters its system calls; without"
        ), "\(result.errors)")
    }

    @Test(arguments: [("libjemalloc.so.2", "jemalloc"), ("libmimalloc.so.2", "mimalloc")])
    func `an allocator that cannot be read is named`(library: String, name: String) async throws {
      let server = try RunningProgram(
        [try Workload.path("server")],
        environment: ["LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/\(library)"])
      try await Task.sleep(for: .milliseconds(300))
      let result = try await HeaptapCommand.run(["heap", "--pid", "\(server.pid)"])
      #expect(result.end == .status(4))
      #expect(result.errors.contains("it allocates with \(name)"), "\(result.errors)")
      #expect(result.errors.contains("heaptap watch"))
      server.signal(SIGTERM)
      #expect(try await server.result(within: 5).end == .status(0))
    }

    @Test func `what cannot be compared with is said before the process is stopped`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let result = try await HeaptapCommand.run([
        "types", "--pid", "\(server.pid)", "--diff", "/etc/passwd",
      ])
      #expect(result.end == .status(2))
      #expect(result.errors.contains("cannot compare with /etc/passwd: it is not such output"))
      #expect(!result.errors.contains("stands still"))
    }

    @Test func `the variable that holds a block is named, and says what it is`() async throws {
      let files = try ScratchDirectory()
      let source = """
        #include <stdlib.h>
        #include <stdio.h>
        #include <unistd.h>
        struct node { long room; struct node *next; } *planted;
        int main(void) {
          for (int i = 0; i < 5; i++) {
            struct node *node = calloc(1, sizeof *node);
            node->next = planted;
            planted = node;
          }
          struct node *last = planted;
          while (last->next) last = last->next;
          printf("%p %p\\n", (void *)last, (void *)&planted);
          fflush(stdout);
          for (;;) usleep(100000);
        }
        """
      try source.write(toFile: files.path("chain.c"), atomically: true, encoding: .utf8)
      try Toolchain.run("gcc", "-O0", "-o", files.path("chain"), files.path("chain.c"))
      let program = try RunningProgram([files.path("chain")])
      try await program.waitForOutput { $0.contains("\n") }
      let words = program.output.split(whereSeparator: \.isWhitespace).map(String.init)

      let result = try await HeaptapCommand.run([
        "refs", "--pid", "\(program.pid)", words[0], "--without", "stack,register", "--json",
      ])
      #expect(result.end == .status(0), "\(result.errors)")
      let found = try JSONDecoder().decode(References.self, from: Data(result.output.utf8))
      #expect(found.schema == "heaptap.refs/1")
      #expect(found.retained_bytes == 24)
      let path = try #require(found.paths.first)
      #expect(path.root.kind == "global" && path.root.name == "chain!planted")
      #expect(path.hops.count == 5 && path.hops.last?.address == words[0])

      let variable = try await place(words[1], of: program.pid)
      #expect(variable.kind == "global" && variable.name == "chain!planted")
      let block = try await place(words[0], of: program.pid)
      #expect(block.kind == "live" && block.bytes == 24)

      let holders = try await HeaptapCommand.run([
        "refs", "--pid", "\(program.pid)", "--holders", "--without", "stack,register",
      ])
      #expect(holders.end == .status(0), "\(holders.errors)")
      #expect(holders.output.contains("120 B           5  global chain!planted\n"))
    }

    @Test func `an address without a block is refused`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      let result = try await HeaptapCommand.run(["refs", "--pid", "\(server.pid)", "0x10"])
      #expect(result.end == .status(2))
      #expect(result.errors.contains("there is no live block at 0x10"))
    }

    private func place(_ address: String, of pid: Int32) async throws -> Place {
      let result = try await HeaptapCommand.run(["where", "--pid", "\(pid)", address, "--json"])
      #expect(result.end == .status(0), "\(result.errors)")
      return try JSONDecoder().decode(Place.self, from: Data(result.output.utf8))
    }
  }
}
