import Executables
import Foundation
import ProbeABI
import TestSupport
import Testing

@testable import AllocationProbes

/// Where the allocators that Debian has would be probed. Nothing is.
@Suite struct AllocatorFileTests {
  private static let folder = "/usr/lib/x86_64-linux-gnu"

  @Test func `operator new of jemalloc is left by instructions, slow paths included`() throws {
    let file = try allocator("libjemalloc.so.2")
    #expect(file.families == ["malloc"])
    #expect(file.refusals.isEmpty)
    let new = try #require(file.probes.first { $0.function.name == "_Znwm" })
    #expect(new.function.return == .byInstruction)
    #expect(new.returnOffsets.count >= 2)
    try expectReturns(file)
  }

  @Test func `operators that only hand on to malloc and free are not probed`() throws {
    let names = Set(try allocator("libjemalloc.so.2").probes.map(\.function.name))
    #expect(names.isDisjoint(with: ["_ZdlPv", "_ZdaPv", "_ZnwmSt11align_val_t"]))
    #expect(names.isSuperset(of: ["_Znwm", "_ZdlPvm", "sdallocx", "xallocx"]))
  }

  @Test(arguments: ["libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libmimalloc.so.2"])
  func `every operator new is followed to all its returns`(name: String) throws {
    let file = try allocator(name)
    #expect(file.refusals.isEmpty, "\(file.refusals)")
    let entries = Set(file.probes.map { $0.fileOffset - UInt64($0.point.offset) })
    #expect(entries.count == file.probes.count, "one probe per address")
    #expect(file.mayThrow)
    try expectReturns(file)
  }

  @Test func `frees come first`() throws {
    let probes = try allocator("libmimalloc.so.2").probes
    let firstOther = try #require(probes.firstIndex { !$0.function.isFree })
    #expect(firstOther > 0)
    #expect(!probes[firstOther...].contains { $0.function.isFree })
  }

  @Test(arguments: [
    ("libc.so.6", ["free", "malloc"]),
    ("libjemalloc.so.2", ["_ZdlPvm", "_Znwm", "free", "malloc"]),
    ("libtcmalloc_minimal.so.4", ["free", "malloc", "tc_new"]),
    ("libmimalloc.so.2", ["free", "malloc", "mi_new"]),
  ])
  func `what programs call most is known by whatever name`(name: String, usual: [String]) throws {
    let functions = try allocator(name).probes.map(\.function)
    #expect(functions.filter(\.isUsual).map(\.name).sorted() == usual)
  }

  @Test func `a C++ runtime is no allocator, but throws`() throws {
    let path = "\(Self.folder)/libstdc++.so.6"
    let file = try ELFFile(opening: path)
    #expect(
      try AllocatorFile(file, name: "", held: HeldFile(opening: path), profile: .documented) == nil)
    let notices = try ExceptionFile(file, held: HeldFile(opening: path), profile: .documented)?
      .notices
    #expect(notices?.count == 3)
    #expect(notices?.allSatisfy { $0.cookie == UInt64(CALL_EXCEPTION.rawValue) } == true)
  }

  @Test func `an allocator under a prefix is found by local symbols, and libc's malloc is not it`()
    throws
  {
    let file = try compiled(
      """
      #include <stdlib.h>
      static void *_rjem_malloc(size_t n) { return malloc(n); }
      static void _rjem_sdallocx(void *p, size_t n, int f) { free(p); }
      int main(void) { _rjem_sdallocx(_rjem_malloc(1), 1, 0); }
      """)
    #expect(file?.families == ["_rjem_malloc"])
    #expect(file?.probes.map(\.function.name) == ["_rjem_sdallocx", "_rjem_malloc"])
  }

  @Test func `a free that is a library's own business makes no allocator`() throws {
    let file = try compiled(
      """
      static void free(void *p) { (void)p; }
      static void *malloc(unsigned long n) { return (void *)n; }
      int main(void) { free(malloc(1)); }
      """)
    #expect(file == nil)
  }

  @Test func `an allocator that was hidden when it was linked in is found by its four functions`()
    throws
  {
    let file = try compiled(
      """
      static char room[64];
      static void *malloc(unsigned long n) { return room + n; }
      static void *calloc(unsigned long n, unsigned long m) { return room + n * m; }
      static void *realloc(void *p, unsigned long n) { return (char *)p + n; }
      static void free(void *p) { (void)p; }
      int main(void) { free(realloc(malloc(1), 1)); free(calloc(1, 1)); }
      """)
    #expect(file?.families == ["malloc"])
    #expect(file?.probes.count == 4)
  }

  /// Every return point is a `ret`.
  private func expectReturns(_ file: AllocatorFile) throws {
    let bytes = try Data(contentsOf: URL(filePath: file.held.path))
    for offset in file.probes.flatMap(\.returnOffsets) {
      #expect(bytes[Int(offset)] == 0xc3, "\(file.name) at \(offset)")
    }
  }

  private func allocator(_ name: String) throws -> AllocatorFile {
    let path = "\(Self.folder)/\(name)"
    let file = try ELFFile(opening: path)
    let found = try AllocatorFile(
      file, name: name, held: HeldFile(opening: path), profile: .documented)
    return try #require(found)
  }

  private func compiled(_ text: String) throws -> AllocatorFile? {
    let folder = try ScratchDirectory()
    try Data(text.utf8).write(to: URL(filePath: folder.path("program.c")))
    try Toolchain.run(
      "gcc", "-w", "-O0", "-fno-builtin", "-o", folder.path("program"), folder.path("program.c"))
    let file = try ELFFile(opening: folder.path("program"))
    return try AllocatorFile(
      file, name: "program", held: HeldFile(opening: folder.path("program")), profile: .documented)
  }
}
