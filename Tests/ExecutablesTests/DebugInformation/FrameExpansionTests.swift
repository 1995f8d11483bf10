import AllocationModel
import Testing

@testable import Executables

@Suite("Frames and what debug information adds")
struct FrameExpansionTests {
  private let frame = Frame(
    function: "_Zraw", module: "app", buildID: "c0ffee", offset: 0x1234)

  @Test("merged calls become frames of their own before the function whose code it is")
  func expanded() {
    let frames = frame.expanded([
      SourceCall(function: "inner", file: "a.h", line: 1),
      SourceCall(function: "outer", file: "a.c", line: 2),
    ])
    #expect(frames.map(\.function) == ["inner", "outer"])
    #expect(frames.map(\.file) == ["a.h", "a.c"])
    #expect(frames.map(\.line) == [1, 2])
    #expect(frames.map(\.isInlined) == [true, false])
    #expect(
      frames.allSatisfy { $0.offset == 0x1234 && $0.module == "app" && $0.buildID == "c0ffee" })
    #expect(SiteID(stack: frames) == SiteID(stack: [frame]))
  }

  @Test("where nothing is known, the frame stays as it is; a missing name keeps the symbol")
  func unknown() {
    #expect(frame.expanded([]) == [frame])
    #expect(frame.expanded([SourceCall(file: "a.c", line: 3)]).map(\.function) == ["_Zraw"])
  }

  @Test(
    "the name that people know is shown",
    arguments: [
      // symbol, DW_AT_name, DW_AT_linkage_name, shown
      ("malloc", "__GI___libc_malloc", nil, "malloc"),
      ("work.constprop.0", "work", nil, "work"),
      ("work.part.0.cold", "work", nil, "work"),
      ("main.leaky", "main.leaky", nil, "main.leaky"),
      ("work.cold", nil, nil, "work.cold"),
      (nil, "work", nil, "work"),
      (nil, nil, nil, nil),
      ("_ZN1a1bEi", "b", "_ZN1a1bEi", "a::b(int)"),
      ("_ZN1a1bEi", "b", nil, "a::b(int)"),
      (nil, "b", "_ZN1a1bEi", "a::b(int)"),
    ] as [(String?, String?, String?, String?)])
  func naming(symbol: String?, name: String?, linkageName: String?, shown: String?) {
    #expect(
      FunctionNaming(symbol: symbol).physical(name, linkageName: linkageName) == shown)
  }

  @Test("debug files are looked for where GDB's manual says")
  func search() {
    #expect(
      DebugFileSearch.paths(ofLink: "app.debug", inModuleAt: "/opt/bin/app") == [
        "/opt/bin/app.debug", "/opt/bin/.debug/app.debug", "/usr/lib/debug/opt/bin/app.debug",
      ])
    #expect(DebugFileSearch.paths(ofLink: "../../etc/shadow", inModuleAt: "/opt/app") == [])
    #expect(
      DebugFileSearch.path(ofBuildID: "abcdef") == "/usr/lib/debug/.build-id/ab/cdef.debug")
    #expect(
      DebugFileSearch.paths(ofSharedFile: "../../.dwz/x.debug", inModuleWithBuildID: "abcdef") == [
        "/usr/lib/debug/.build-id/ab/../../.dwz/x.debug"
      ])
  }
}
