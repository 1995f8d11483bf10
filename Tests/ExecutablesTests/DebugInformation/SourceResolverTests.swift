import Executables
import Foundation
import Processes
import TestSupport
import Testing

@Suite("Debug information", .enabled(if: HeaptapCommand.isBuilt, "needs the built heaptap"))
struct SourceResolverTests {
  @Test("merged calls are those that addr2line tells", arguments: [2, 3, 4, 5])
  func chain(version: Int) throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile(with: ["-gdwarf-\(version)"])
    let mark = try fixture.mark(in: program)
    let calls = fixture.calls(in: try fixture.module(program), at: mark)
    #expect(calls.map { "\($0.function ?? "") \($0.line ?? 0)" } == SourceFixture.chainLines)
    let text = try Toolchain.run(
      "addr2line", "-fi", "-e", program, "0x\(String(mark, radix: 16))")
    let told = text.split(separator: "\n").map { String($0.prefix { $0 != " " }) }
    #expect(
      calls.flatMap { [$0.function ?? "", "\($0.file ?? ""):\($0.line ?? 0)"] } == told)
  }

  @Test("units without address ranges of their own are found")
  func noRanges() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile()
    try fixture.run("objcopy", "--remove-section", ".debug_aranges", "program")
    let mark = try fixture.mark(in: program)
    #expect(
      fixture.lines(in: try fixture.module(program), at: mark) == SourceFixture.chainLines)
  }

  @Test("compressed sections are read", arguments: ["zlib", "zlib-gnu"])
  func compressed(kind: String) throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile()
    try fixture.run("objcopy", "--compress-debug-sections=\(kind)", "program")
    let mark = try fixture.mark(in: program)
    #expect(
      fixture.lines(in: try fixture.module(program), at: mark) == SourceFixture.chainLines)
  }

  @Test("split debug information is read from the .dwo file", arguments: [4, 5])
  func splitUnits(version: Int) throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile(with: ["-gdwarf-\(version)", "-gsplit-dwarf"])
    let mark = try fixture.mark(in: program)
    #expect(
      fixture.lines(in: try fixture.module(program), at: mark) == SourceFixture.chainLines)
  }

  @Test(
    "the file that a debug link names is read if its checksum is right", arguments: [true, false])
  func debugLink(isRight: Bool) throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile(with: ["-Wl,--build-id=none"])
    let mark = try fixture.mark(in: program)
    try fixture.run("objcopy", "--only-keep-debug", "program", "program.debug")
    try fixture.run("strip", "program")
    try fixture.run("objcopy", "--add-gnu-debuglink=program.debug", "program")
    if !isRight {
      // Padding behind the last section changes the checksum and nothing else.
      try fixture.run("sh", "-c", "printf x >> program.debug")
    }
    let lines = fixture.lines(in: try fixture.module(program), at: mark)
    #expect(lines == (isRight ? SourceFixture.chainLines : []))
  }

  @Test(
    "debug files are found in the process's root by link and by build id",
    arguments: ["link", "build-id", "wrong build-id"])
  func otherRoot(way: String) throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile(
      with: way == "link" ? ["-Wl,--build-id=none"] : ["-Wl,--build-id=0x1234abcd"])
    let mark = try fixture.mark(in: program)
    try fixture.run("objcopy", "--only-keep-debug", "program", "program.debug")
    try fixture.run("strip", "program")
    switch way {
    case "link":
      try fixture.run("objcopy", "--add-gnu-debuglink=program.debug", "program")
      try fixture.run("mkdir", "-p", "root/usr/lib/debug/opt/app")
      try fixture.run("mv", "program.debug", "root/usr/lib/debug/opt/app")
    default:
      if way != "build-id" {
        try fixture.compile(to: "program.debug", with: ["-Wl,--build-id=0x5678"])
      }
      try fixture.run("mkdir", "-p", "root/usr/lib/debug/.build-id/12", "root/elsewhere")
      try fixture.run("mv", "program.debug", "root/elsewhere/file")
      // An absolute link leads nowhere but into the root.
      try fixture.run(
        "ln", "-s", "/elsewhere/file", "root/usr/lib/debug/.build-id/12/34abcd.debug")
    }
    let root = try #require(ProcessRoot(fixture.files.path("root")))
    let module = try fixture.module(program, as: "/opt/app/program", root: root)
    let lines = fixture.lines(in: module, at: mark)
    #expect(lines == (way == "wrong build-id" ? [] : SourceFixture.chainLines))
  }

  @Test("a stripped program's functions are named from .gnu_debugdata")
  func miniDebugInformation() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile()
    let physical = try required(
      try ELFFile(opening: program).functionSymbol(named: "physical")?.address)
    try fixture.run("objcopy", "-S", "--only-keep-debug", "program", "mini")
    try fixture.compile(to: "mini")
    try fixture.run("strip", "--strip-debug", "mini")
    try fixture.run("objcopy", "--only-keep-debug", "mini", "mini")
    try fixture.run("xz", "mini")
    try fixture.run("strip", "program")
    try fixture.run("objcopy", "--add-section", ".gnu_debugdata=mini.xz", "program")
    let module = try fixture.module(program)
    #expect(module.symbols.symbol(at: physical) == nil)
    #expect(fixture.lines(in: module, at: physical + 1) == ["physical ?"])
  }

  @Test("the file of a module is read after it was deleted")
  func deleted() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile()
    let mark = try fixture.mark(in: program)
    let module = try fixture.module(program)
    try fixture.run("rm", "program")
    #expect(fixture.lines(in: module, at: mark) == SourceFixture.chainLines)
  }

  @Test("C++ functions have their namespaces and parameters, Rust's and C's their names")
  func languages() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile(
      """
      namespace outer { struct Widget { template <class T> __attribute__((noinline)) int size(T); }; }
      template <> int outer::Widget::size<long>(long value) { return value + 1; }
      extern "C" __attribute__((noinline)) int plain(int value) { return value * 3; }
      int main(int count, char **) { return outer::Widget().size<long>(plain(count)); }

      """, file: "source.cc", compiler: "g++")
    let module = try fixture.module(program)
    let elf = try ELFFile(opening: program)
    let size = try required(
      elf.functionSymbol(named: "_ZN5outer6Widget4sizeIlEEiT_")?.address)
    let plain = try required(elf.functionSymbol(named: "plain")?.address)
    #expect(
      fixture.calls(in: module, at: size).map(\.function) == [
        "int outer::Widget::size<long>(long)"
      ])
    #expect(fixture.calls(in: module, at: plain).map(\.function) == ["plain"])
  }

  @Test("symbols of a module without debug information are made readable")
  func symbolsOnly() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile(with: ["-g0"])
    let module = try fixture.module(program)
    let calls = fixture.calls(in: module, at: 0x1234_5678, symbol: "_ZN3foo3barEi")
    #expect(calls == [SourceCall(function: "foo::bar(int)")])
  }

  @Test("more modules than the reader keeps open are all answered, twice")
  func manyModules() throws {
    let fixture = try SourceFixture()
    let program = try fixture.compile()
    let mark = try fixture.mark(in: program)
    var modules: [Module] = []
    for index in 0..<40 {
      try fixture.run("cp", "program", "copy\(index)")
      modules.append(try fixture.module(fixture.files.path("copy\(index)")))
    }
    for offset: UInt64 in [0, 1] {
      let places = modules.map {
        SourceResolver.Place(module: $0, address: mark + offset, symbol: nil)
      }
      for place in places { #expect(fixture.resolver.calls(at: place) == nil) }
      fixture.resolver.settle(within: 60)
      #expect(places.allSatisfy { fixture.resolver.calls(at: $0)?.last?.function == "physical" })
    }
    #expect(fixture.resolver.lostReaderCount == 0)
  }
}
