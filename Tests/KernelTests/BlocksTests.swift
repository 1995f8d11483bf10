import Foundation
import TestSupport
import Testing

extension KernelTests {
  /// `blocks`: what a process has, without any tracing.
  @Suite struct Blocks {
    private struct Block: Decodable {
      var address: String
      var bytes: UInt64
      var type: String?
    }

    @Test func `all blocks are listed that a program has kept, and it goes on`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      try await Task.sleep(for: .milliseconds(500))
      let first = try await blocks(of: server.pid)
      let second = try await blocks(of: server.pid)
      // malloc(128) of glibc has 136 bytes that may be used. The program keeps one a millisecond.
      let (kept, later) = (first.count { $0.bytes == 136 }, second.count { $0.bytes == 136 })
      #expect(kept > 100)
      #expect(later > kept)
      server.signal(SIGTERM)
      let result = try await server.result(within: 10)
      #expect(result.end == .status(0))
      let truth = Workload.truth(in: result.output)
      #expect(try #require(truth["allocated_blocks"]) / 2 >= UInt64(later))
    }

    @Test func `blocks that are lost are told from those that are held`() async throws {
      // It keeps the address of its last block only.
      let server = try RunningProgram([try Workload.path("server")])
      try await Task.sleep(for: .milliseconds(500))
      let result = try await HeaptapCommand.run([
        "leaks", "--pid", "\(server.pid)", "--json", "--fail-on-leak",
      ])
      #expect(result.end == .status(1), "\(result.errors)")
      struct Leaks: Decodable {
        struct Total: Decodable { var blocks: UInt64, bytes: UInt64 }
        var definitely: Total, indirectly: Total, possibly: Total
      }
      let leaks = try JSONDecoder().decode(Leaks.self, from: Data(result.output.utf8))
      #expect(leaks.definitely.blocks > 100)
      #expect(leaks.definitely.bytes == leaks.definitely.blocks * 136)
      #expect(leaks.indirectly.blocks == 0 && leaks.possibly.blocks == 0)
      server.signal(SIGTERM)
      #expect(try await server.result(within: 10).end == .status(0))
    }

    @Test func `resident memory adds up to what the kernel counts`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      try await Task.sleep(for: .milliseconds(500))
      let result = try await HeaptapCommand.run(["heap", "--pid", "\(server.pid)", "--json"])
      #expect(result.end == .status(0), "\(result.errors)")
      struct Heap: Decodable {
        struct Total: Decodable { var blocks: UInt64, bytes: UInt64 }
        struct Part: Decodable { var part: String, bytes: UInt64 }
        var live: Total, rss: [Part], rss_bytes: UInt64, residue_bytes: Int64
      }
      let heap = try JSONDecoder().decode(Heap.self, from: Data(result.output.utf8))
      #expect(heap.rss.reduce(0) { $0 + $1.bytes } == heap.rss_bytes)
      #expect(heap.residue_bytes == 0)
      #expect(heap.live.bytes >= heap.live.blocks * 24)
      let text = try await HeaptapCommand.run(["heap", "--pid", "\(server.pid)"])
      #expect(text.output.contains("the same\n"), "\(text.output)")
      server.signal(SIGTERM)
      #expect(try await server.result(within: 10).end == .status(0))
    }

    @Test func `a process that is not there is said not to be`() async throws {
      let result = try await HeaptapCommand.run(["blocks", "--pid", "4194303"])
      #expect(result.end == .status(4))
      #expect(result.output.isEmpty)
      #expect(result.errors.contains("there is no such process"))
    }

    @Test func `a pause that is not granted ends the inspection and nothing else`() async throws {
      let server = try RunningProgram([try Workload.path("server")])
      try await Task.sleep(for: .milliseconds(100))
      let result = try await HeaptapCommand.run([
        "blocks", "--pid", "\(server.pid)", "--max-pause", "0.000001",
      ])
      #expect(result.end == .status(4), "\(result.errors)")
      server.signal(SIGTERM)
      #expect(try await server.result(within: 10).end == .status(0))
    }

    private func blocks(of pid: Int32) async throws -> [Block] {
      let result = try await HeaptapCommand.run(["blocks", "--pid", "\(pid)", "--json"])
      #expect(result.end == .status(0), "\(result.errors)")
      #expect(result.errors.contains("checks of the heap hold"), "\(result.errors)")
      return try result.output.split(separator: "\n").map {
        try JSONDecoder().decode(Block.self, from: Data($0.utf8))
      }
    }
  }
}
