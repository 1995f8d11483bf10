import AllocationModel
import Executables
import Foundation
import Processes
import TestSupport
import Testing

@Suite("perf map files")
struct PerfMapTests {
  @Test("an address has the name of the last line that covers it, to its last byte")
  func lookup() {
    var map = PerfMap()
    map.append(Array("1000 20 first\n1010 10 second part\n0x2000 8 third\n".utf8))
    #expect(map.name(at: 0x0fff) == nil)
    #expect(map.name(at: 0x1000) == "first")
    #expect(map.name(at: 0x100f) == "first")
    #expect(map.name(at: 0x1010) == "second part")
    #expect(map.name(at: 0x101f) == "second part")
    #expect(map.name(at: 0x1020) == nil)
    #expect(map.name(at: 0x2007) == "third")
    map.append(Array("1000 10 again\n".utf8))
    #expect(map.name(at: 0x1000) == "again")
  }

  @Test("a line counts when all of it was written")
  func partialLines() {
    var map = PerfMap()
    map.append(Array("1000 20 fi".utf8))
    #expect(map.count == 0)
    map.append(Array("rst\n1020".utf8))
    #expect(map.name(at: 0x1000) == "first")
    map.append(Array(" 8 second\n".utf8))
    #expect(map.name(at: 0x1020) == "second")
  }

  @Test("what is no line costs itself and nothing else")
  func hostile() {
    var map = PerfMap()
    let long = String(repeating: "x", count: 100_000)
    let lines = [
      "", " ", "1000", "1000 20", "zz 20 name", "1000 0 empty", "ffffffffffffffff 2 beyond",
      "-1 5 negative", "99999999999999999999 1 large", "3000 8 \(long)", "\u{0}\u{1}",
      "4000 8 good",
    ]
    map.append(Array((lines.joined(separator: "\n") + "\n").utf8))
    #expect(map.count == 2)
    #expect(map.name(at: 0x4000) == "good")
    #expect(map.name(at: 0x3000)?.count == 1024)
    #expect(map.name(at: 0x1000) == nil)
  }

  @Test("no bytes crash the reader")
  func random() {
    var generator = SeededGenerator(seed: 8)
    for _ in 0..<300 {
      var map = PerfMap()
      let alphabet = Array("0123456789abcdef  \nxq\u{0}".utf8) + [0xff]
      for _ in 0..<4 {
        map.append(
          (0..<200).map { _ in alphabet.randomElement(using: &generator) ?? 0 })
      }
      _ = map.name(at: generator.next() & 0xffff)
    }
  }

  @Test("code in unnamed memory has the names that its process writes, also those written later")
  func ofProcess() throws {
    let path = "/tmp/perf-\(getpid()).map"
    defer { unlink(path) }
    try "7000 100 jitted one\n".write(toFile: path, atomically: false, encoding: .utf8)
    var symbolizer = Symbolizer(pid: getpid(), cache: SymbolizerTests.cache)
    symbolizer.update(mappings: [
      MemoryMapping(start: 0x7000, end: 0x9000, permissions: [.read, .execute]),
      MemoryMapping(start: 0xa000, end: 0xb000, permissions: [.read, .write]),
    ])
    let addresses: [UInt64] = [0x7011, 0x8001, 0xa001]
    symbolizer.readGeneratedNames(for: addresses, at: 1_000_000_000)
    #expect(symbolizer.frames(for: addresses).map(\.function) == ["jitted one", nil, nil])
    #expect(symbolizer.frames(for: addresses).map(\.offset) == addresses)

    let file = try #require(FileHandle(forWritingAtPath: path))
    file.seekToEndOfFile()
    file.write(Data("8000 10 jitted two\na000 10 data\n".utf8))
    try file.close()
    symbolizer.readGeneratedNames(for: addresses, at: 1_000_000_001)
    #expect(symbolizer.frames(for: addresses)[1].function == nil, "not looked at so soon")
    symbolizer.readGeneratedNames(for: addresses, at: 2_000_000_000)
    #expect(
      symbolizer.frames(for: addresses).map(\.function) == ["jitted one", "jitted two", nil])
  }
}
