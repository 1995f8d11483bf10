import AllocationModel
import Testing

@testable import Processes

@Suite("/proc/PID/stat and /proc/PID/status")
struct ProcessStatusTests {
  @Test("all fields are read")
  func fields() throws {
    let status = try #require(parse(stat: stat(name: "my app"), status: Self.status))
    #expect(status.identity.pid == 4711)
    #expect(status.identity.startTicks == 987_654)
    #expect(status.name == "my app")
    #expect(status.state == "S")
    #expect(status.threadGroup == 4711)
    #expect(status.parent == 12)
    #expect(status.session == 10)
    #expect(status.threadCount == 3)
    #expect(!status.isKernelThread)
    #expect(!status.isZombie)
    #expect(status.residentBytes == 2048 * 1024)
    #expect(status.residentAnonymousBytes == 512 * 1024)
  }

  @Test(
    "a name may hold what looks like the end of it",
    arguments: ["a) S 1 1 1", "((", ") R (", "line\nbreak", ""]
  )
  func names(name: String) throws {
    let status = try #require(parse(stat: stat(name: name), status: Self.status))
    #expect(status.name == name)
    #expect(status.parent == 12)
  }

  @Test("PF_KTHREAD marks a kernel thread, which has no memory")
  func kernelThread() throws {
    let text = stat(name: "kworker/0:1", flags: 0x0420_8060 | 0x0020_0000)
    let status = try #require(parse(stat: text, status: "Name:\tkworker/0:1\nTgid:\t4711\n"))
    #expect(status.isKernelThread)
    #expect(status.residentBytes == nil)
    #expect(status.residentAnonymousBytes == nil)
  }

  @Test("a missing field makes it unreadable, not zero")
  func missing() {
    #expect(parse(stat: "4711 (a) S 12 11 10", status: Self.status) == nil)
    #expect(parse(stat: stat(name: "a"), status: "Name:\ta\n") == nil)
    #expect(parse(stat: "", status: "") == nil)
    #expect(parse(stat: ")(", status: "") == nil)
  }

  @Test("no prefix and no changed byte crashes the parsers")
  func mutations() {
    let stat = Array(stat(name: "a (b)").utf8)
    let status = Array(Self.status.utf8)
    for length in 0..<stat.count {
      _ = ProcessStatus(stat: Array(stat.prefix(length)), status: status)
    }
    for position in stat.indices {
      for byte: UInt8 in [0, 0x20, 0x28, 0x29, 0x2d, 0x39, 0xff] {
        var bytes = stat
        bytes[position] = byte
        _ = ProcessStatus(stat: bytes, status: status)
      }
    }
    for length in 0..<status.count {
      _ = ProcessStatus(stat: stat, status: Array(status.prefix(length)))
    }
  }

  static let status = """
    Name:\tmy app
    Umask:\t0022
    State:\tS (sleeping)
    Tgid:\t4711
    VmRSS:\t    2048 kB
    RssAnon:\t     512 kB

    """

  private func stat(name: String, flags: UInt32 = 0x0040_0000) -> String {
    "4711 (\(name)) S 12 11 10 0 -1 \(flags) 1 2 3 4 5 6 7 8 20 0 3 0 987654 1 2 3\n"
  }

  private func parse(stat: String, status: String) -> ProcessStatus? {
    ProcessStatus(stat: Array(stat.utf8), status: Array(status.utf8))
  }
}
