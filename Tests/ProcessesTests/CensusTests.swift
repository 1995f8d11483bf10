import AllocationModel
import Glibc
import TestSupport
import Testing

@testable import Processes

@Suite struct CensusTests {
  // MARK: statm

  @Test func `resident memory in no file is anonymous`() throws {
    let use = try #require(MemoryUse(parsing: Array("100 30 10 5 0 40 0\n".utf8), pageSize: 4096))
    #expect(use.virtualBytes == 409_600)
    #expect(use.residentBytes == 122_880)
    #expect(use.anonymousBytes == 81_920)
    #expect(use.dataBytes == 163_840)
    #expect(!use.isEmpty)
  }

  /// The kernel's counters are read one after another.
  @Test func `more shared than resident pages are no anonymous memory`() throws {
    let use = try #require(MemoryUse(parsing: Array("100 10 30 5 0 40 0".utf8), pageSize: 4096))
    #expect(use.anonymousBytes == 0)
  }

  @Test func `a kernel thread has no memory`() throws {
    #expect(try #require(MemoryUse(parsing: Array("0 0 0 0 0 0 0\n".utf8))).isEmpty)
  }

  @Test(arguments: [
    "", "1 2 3 4 5", "1 2 x 4 5 6 7", "-1 2 3 4 5 6 7", "99999999999999999999 1 1 1 1 1 1",
    "18446744073709551615 1 1 1 1 1 1",
  ])
  func `anything else is refused`(text: String) {
    #expect(MemoryUse(parsing: Array(text.utf8)) == nil)
  }

  @Test func `random bytes never trap`() {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0..<40, using: &generator)
      let bytes = (0..<count).map { _ in
        Bool.random(using: &generator)
          ? UInt8.random(in: .min ... .max, using: &generator)
          : UInt8(ascii: "0") + UInt8.random(in: 0..<10, using: &generator)
      }
      _ = MemoryUse(parsing: bytes)
      _ = ControlGroup.path(parsing: bytes)
    }
  }

  // MARK: Processes

  @Test func `a process is named, placed and measured`() throws {
    var census = ProcessCensus()
    let row = try #require(census.take([getpid()]).first)
    let status = try ProcessDirectory(pid: getpid()).status()
    #expect(row.identity == status.identity)
    #expect(row.name == status.name)
    #expect(row.parent == getppid())
    #expect(row.executable == (try ProcessDirectory(pid: getpid()).executablePath()))
    #expect(row.cgroup?.hasPrefix("/") == true)
    let resident = Double(try #require(status.residentBytes))
    #expect(abs(Double(row.memory.residentBytes) - resident) < 0.2 * resident + 8e6)
  }

  @Test func `what a process gains is seen the next time`() throws {
    var census = ProcessCensus()
    let before = try #require(census.take([getpid()]).first).memory.anonymousBytes
    let bytes = 64 << 20
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
    defer { memory.deallocate() }
    for offset in stride(from: 0, to: bytes, by: 4096) {
      memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
    }
    let after = try #require(census.take([getpid()]).first).memory.anonymousBytes
    #expect(after >= before + UInt64(bytes) * 3 / 4)
  }

  @Test func `a process that has ended is left out, and its descriptor closed`() async throws {
    var census = ProcessCensus()
    let program = try RunningProgram(["/bin/sleep", "60"])
    #expect(
      census.take([getpid(), program.pid]).map(\.identity.pid).sorted().contains(program.pid))
    #expect(census.descriptorCount == 2)
    program.signal(SIGKILL)
    _ = try await program.result(within: 10)
    #expect(census.take([getpid(), program.pid]).map(\.identity.pid) == [getpid()])
    #expect(census.descriptorCount == 1)
  }

  @Test func `kernel threads are left out`() throws {
    var census = ProcessCensus()
    let pids = try ProcessDirectory.allPids()
    for _ in 0..<2 {
      let found = Set(census.take(pids).map(\.identity.pid))
      #expect(!found.contains(2))
      #expect(found.contains(getpid()))
    }
  }

  // MARK: cgroups

  @Test(arguments: [
    ("0::/user.slice/a\n", "/user.slice/a"),
    ("4:memory:/m\n0::/\n", "/m"),
    ("4:cpu,memory:/m\n1:name=systemd:/s\n0::/u\n", "/u"),
    ("3:cpu:/c\n", nil),
    ("0::/with:colon\n", "/with:colon"),
    ("", nil),
  ])
  func `the unified hierarchy counts, or else the memory controller`(text: String, path: String?) {
    #expect(ControlGroup.path(parsing: Array(text.utf8)) == path)
  }

  @Test func `what is no cgroup is refused with its path`() {
    for path in ["/no/such/cgroup", "/../etc"] {
      do {
        _ = try ControlGroup(path: path)
        Issue.record("\(path) was taken for a cgroup")
      } catch {
        #expect(error.description.contains(path))
      }
    }
  }

  // MARK: Names

  @Test(arguments: [
    ("redis-server", "redis-server", nil, true),
    ("redis*", "redis-server", nil, true),
    ("redis", "redis-server", nil, false),
    ("python3", "worker.py", "/usr/bin/python3", true),
    ("/usr/bin/py*", "worker.py", "/usr/bin/python3", true),
    ("python3", "worker.py", "/usr/bin/python3.11", false),
    ("a-very-long-program-name", "a-very-long-pro", nil, true),
    ("a-very-long-other", "a-very-long-pro", nil, false),
    ("[ab]?", "b1", nil, true),
  ])
  func `a pattern means a name or an executable`(
    pattern: String, name: String, executable: String?, isMatch: Bool
  ) throws {
    let pattern = try #require(NamePattern(pattern))
    #expect(pattern.matches(name: name, executable: executable) == isMatch)
  }
}
