import AllocationModel
import Executables
import Foundation
import Processes
import TestSupport
import Testing

/// A function of this program with a name of its own.
@_cdecl("heaptap_symbolizer_test_landmark")
package func landmark(_ value: Int32) -> Int32 { value &* 3 &+ 1 }

@Suite("Symbolizer")
struct SymbolizerTests {
  /// Shared, since this program's own symbols take seconds to read in a debug build.
  static let cache = ModuleCache()
  let own = ProcessDirectory(pid: getpid())

  func address(of name: String) throws -> UInt64 {
    UInt64(UInt(bitPattern: try #require(dlsym(nil, name))))
  }

  @Test("a return address in malloc is named malloc, in libc")
  func malloc() throws {
    let symbolizer = try self.symbolizer()
    let malloc = try address(of: "malloc")
    let frame = try #require(symbolizer.frames(for: [malloc + 5]).first)
    let libc = try ELFFile(opening: try #require(try mappedLibc()?.path))
    #expect(frame.function == "malloc")
    #expect(frame.module?.hasPrefix("libc.so") == true)
    #expect(frame.buildID == libc.buildID)
    #expect(frame.offset == libc.functionSymbol(named: "malloc").map { $0.address + 4 })
  }

  @Test("the byte before a return address decides, unless the stack starts with an instruction")
  func returnAddress() throws {
    let symbolizer = try self.symbolizer()
    let malloc = try address(of: "malloc")
    #expect(symbolizer.frames(for: [malloc])[0].function != "malloc")
    let frames = symbolizer.frames(for: [malloc, malloc + 1], firstIsReturnAddress: false)
    #expect(frames.map(\.function) == ["malloc", "malloc"])
    #expect(frames[0].offset == frames[1].offset)
  }

  @Test("functions of this very program are named")
  func ownFunction() throws {
    let address = unsafeBitCast(
      landmark as @convention(c) (Int32) -> Int32,
      to: UInt.self
    )
    let frames = try symbolizer().frames(for: [UInt64(address) + 1])
    #expect(frames[0].function?.contains("landmark") == true)
  }

  @Test("memory without a file has the kernel's name for it and the plain address")
  func withoutFile() throws {
    let mappings = [
      MemoryMapping(start: 0x1000, end: 0x2000, permissions: [.read, .write], path: "[heap]"),
      MemoryMapping(start: 0x3000, end: 0x4000, permissions: [.read, .execute]),
      MemoryMapping(start: 0x5000, end: 0x6000, permissions: [.read, .execute], path: "[vdso]"),
    ]
    var symbolizer = Symbolizer(pid: getpid(), cache: Self.cache)
    symbolizer.update(mappings: mappings)
    let frames = symbolizer.frames(for: [0x1800, 0x3800, 0x5800, 0x9000, 0])
    #expect(frames.map(\.module) == ["[heap]", "[anon]", "[vdso]", nil, nil])
    #expect(frames.map(\.offset) == [0x1800, 0x3800, 0x5800, 0x9000, 0])
    #expect(frames.allSatisfy { $0.function == nil && $0.buildID == nil })
  }

  @Test("names outlive the process")
  func afterExit() throws {
    let child = Process()
    child.executableURL = URL(filePath: "/bin/sleep")
    child.arguments = ["60"]
    try child.run()
    let directory = ProcessDirectory(pid: child.processIdentifier)
    var libc: MemoryMapping?
    // The loader may not have mapped libc yet.
    for _ in 0..<500 where libc == nil {
      usleep(10_000)
      libc = try directory.mappings().mappings.first {
        $0.permissions.contains(.execute) && $0.path?.contains("/libc.so") == true
      }
    }
    let mapping = try #require(libc)
    var symbolizer = Symbolizer(pid: child.processIdentifier, cache: Self.cache)
    symbolizer.update(mappings: try directory.mappings().mappings)
    // Test runners may block SIGTERM, and children inherit that.
    kill(child.processIdentifier, SIGKILL)
    child.waitUntilExit()

    let file = try ELFFile(opening: try #require(mapping.path))
    let offset = try required(file.functionSymbol(named: "free")?.fileOffset)
    let address = offset - mapping.fileOffset + mapping.start
    #expect(symbolizer.frames(for: [address + 1])[0].function == "free")
    // The mappings of a process that is gone are none: its code stays known.
    symbolizer.update(mappings: [])
    #expect(symbolizer.frames(for: [address + 1])[0].function == "free")
  }

  @Test("code mapped where other code was is not named after the old one")
  func replaced() throws {
    var symbolizer = try self.symbolizer()
    let malloc = try address(of: "malloc")
    let page = malloc & ~0xfff
    symbolizer.update(mappings: [MemoryMapping(start: page, end: page + 0x1000)])
    #expect(symbolizer.frames(for: [malloc + 1])[0].function == nil)
    #expect(symbolizer.frames(for: [malloc + 1])[0].module == "[anon]")
    symbolizer.update(mappings: try own.mappings().mappings)
    #expect(symbolizer.frames(for: [malloc + 1])[0].function == "malloc")
  }

  @Test("a file that can't be read costs its names and is reported")
  func unreadable() {
    let mapping = MemoryMapping(
      start: 0x1000,
      end: 0x3000,
      permissions: [.read, .execute],
      fileOffset: 0x4000,
      deviceMajor: 1,
      inode: 99,
      path: "/nonexistent/lib.so"
    )
    var symbolizer = Symbolizer(pid: getpid(), cache: Self.cache)
    symbolizer.update(mappings: [mapping])
    #expect(symbolizer.failuresByPath.keys.sorted() == ["/nonexistent/lib.so"])
    let frame = symbolizer.frames(for: [0x1001])[0]
    #expect(frame.module == "lib.so")
    #expect(frame.offset == 0x4000)
    symbolizer.update(mappings: [])
    #expect(symbolizer.failuresByPath.isEmpty)
  }

  private func symbolizer() throws -> Symbolizer {
    var symbolizer = Symbolizer(pid: getpid(), cache: Self.cache)
    symbolizer.update(mappings: try own.mappings().mappings)
    return symbolizer
  }
}
