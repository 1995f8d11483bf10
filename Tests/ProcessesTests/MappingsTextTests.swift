import Processes
import TestSupport
import Testing

@Suite("/proc/PID/maps")
struct MappingsTextTests {
  @Test("a file mapping has all fields")
  func file() throws {
    let mapping = try parse(
      "7f0a1c000000-7f0a1c021000 r-xp 00026000 fd:01 1837   /usr/lib/x86_64-linux-gnu/libc.so.6"
    )
    #expect(
      mapping
        == MemoryMapping(
          start: 0x7f0a_1c00_0000,
          end: 0x7f0a_1c02_1000,
          permissions: [.read, .execute],
          fileOffset: 0x26000,
          deviceMajor: 0xfd,
          deviceMinor: 1,
          inode: 1837,
          path: "/usr/lib/x86_64-linux-gnu/libc.so.6"
        )
    )
    #expect(mapping.byteCount == 0x21000)
    #expect(mapping.isFile)
  }

  @Test("anonymous memory has no path")
  func anonymous() throws {
    let mapping = try parse("7f00-7f10 rw-p 00000000 00:00 0 ")
    #expect(mapping.path == nil)
    #expect(!mapping.isFile)
    #expect(mapping.permissions == [.read, .write])
    #expect(try parse("7f00-7f10 ---p 00000000 00:00 0").permissions == [])
    #expect(try parse("7f00-7f10 rw-s 00000000 00:00 0").permissions == [.read, .write, .shared])
  }

  @Test(
    "the kernel's names are kept as they are",
    arguments: ["[heap]", "[stack]", "[uprobes]", "[vdso]", "[anon:name with spaces]"]
  )
  func names(name: String) throws {
    let mapping = try parse("7f00-7f10 rw-p 00000000 00:00 0      \(name)")
    #expect(mapping.path == name)
    #expect(mapping.isHeap == (name == "[heap]"))
  }

  @Test("paths keep spaces, newlines and what looks like fields")
  func paths() throws {
    #expect(try parse("1-2 r--p 0 8:1 5  /a b  c").path == "/a b  c")
    #expect(try parse(#"1-2 r--p 0 8:1 5  /a\012b\x"#).path == "/a\nb\\x")
    #expect(try parse("1-2 r--p 0 8:1 5 /a").path == "/a")
  }

  @Test("a deleted file is told from a name that ends the same way")
  func deleted() throws {
    let mapping = try parse("1-2 r-xp 0 8:1 5  /tmp/app (deleted)")
    #expect(mapping.path == "/tmp/app")
    #expect(mapping.isDeleted)
    #expect(try parse("1-2 r-xp 0 8:1 5  /tmp/app").isDeleted == false)
    #expect(try parse("1-2 rw-p 0 0:0 0  [anon:x (deleted)]").isDeleted == false)
  }

  @Test("lines that are no mapping are skipped and counted")
  func malformed() {
    let text = """
      1000-2000 r--p 0 8:1 5 /good
      2000-1000 r--p 0 8:1 5 /ends before it starts
      1000-1000 r--p 0 8:1 5 /empty
      zzzz-2000 r--p 0 8:1 5
      1000-2000 rwz 0 8:1 5
      1000-2000 qwxp 0 8:1 5
      1000-2000
      10000000000000000-20000000000000000 r--p 0 8:1 5
      3000-4000 r--p 0 8:1 5x
      5000-6000 r--p 0 8:1 6 /also good

      """
    let parsed = MappingsText(parsing: Array(text.utf8))
    #expect(parsed.mappings.map(\.path) == ["/good", "/also good"])
    #expect(parsed.malformedLineCount == 8)
  }

  @Test("the heap is what brk moves")
  func heap() {
    let text = "1000-5000 rw-p 0 0:0 0 [heap]\n6000-7000 rw-p 0 0:0 0\n"
    #expect(MappingsText(parsing: Array(text.utf8)).mappings.heapByteCount == 0x4000)
  }

  @Test("no bytes crash the parser, and every mapping it finds is sound")
  func mutations() {
    let seedText = """
      555500000000-555500021000 r-xp 00001000 fd:01 1837   /usr/bin/a b (deleted)
      7f0a1c000000-7f0a1c021000 rw-p 00000000 00:00 0 [heap]
      7ffd00000000-7ffd00021000 rw-s 00000000 00:05 12 /memfd:x\\012y (deleted)

      """
    let seedBytes = Array(seedText.utf8)
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<5000 {
      var bytes = seedBytes
      for _ in 0..<Int.random(in: 1...8, using: &generator) where !bytes.isEmpty {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(UInt8.random(in: 0x20...0x7a, using: &generator), at: position)
        default: bytes.removeLast(bytes.count - position)
        }
      }
      let parsed = MappingsText(parsing: bytes)
      #expect(parsed.mappings.allSatisfy { $0.start < $0.end })
      let lines = bytes.split(separator: UInt8(ascii: "\n")).count
      #expect(parsed.mappings.count + parsed.malformedLineCount == lines)
    }
  }

  private func parse(_ line: String) throws -> MemoryMapping {
    let parsed = MappingsText(parsing: Array(line.utf8))
    #expect(parsed.malformedLineCount == 0)
    return try #require(parsed.mappings.first)
  }
}
