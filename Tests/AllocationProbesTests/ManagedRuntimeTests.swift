import Executables
import Foundation
import Processes
import TestSupport
import Testing

@testable import AllocationProbes

@Suite struct ManagedRuntimeTests {
  typealias Traits = ManagedRuntime.Traits

  static let cases: [(Traits, Set<String>, Bool, ManagedRuntime?)] = [
    (Traits(sections: [".text", ".go.buildinfo"], isStatic: true), [], false, .go),
    (Traits(sections: [".gopclntab"]), ["libc.so.6"], true, .go),
    (Traits(), ["libc.so.6", "libjvm.so"], true, .java),
    (Traits(), ["libc.so.6", "libcoreclr.so"], true, .dotnet),
    (Traits(functions: ["node_module_register"]), ["libc.so.6"], true, .node),
    (Traits(), ["libc.so.6", "libnode.so.108"], true, .node),
    (Traits(isStatic: true), [], false, .stripped),
    // A static executable with symbols has an allocator; a dynamic one may have none for other reasons.
    (Traits(isStatic: true), [], true, nil),
    (Traits(), [], false, nil),
    (Traits(sections: [".text", ".symtab"]), ["libc.so.6"], true, nil),
  ]

  @Test(arguments: cases)
  func `a runtime is told by its executable and what it maps`(
    executable: Traits, mapped: Set<String>, hasAllocator: Bool, expected: ManagedRuntime?
  ) {
    #expect(
      ManagedRuntime.find(
        executable: executable, mappedNames: mapped, hasAllocator: hasAllocator) == expected)
  }

  @Test(arguments: ManagedRuntime.allCases)
  func `each says what is seen and what is not`(runtime: ManagedRuntime) {
    #expect(runtime.description.contains("seen"))
    #expect(!runtime.description.hasSuffix("."))
  }

  @Test func `what sections and functions an executable has is read from the file`() throws {
    let folder = try ScratchDirectory()
    let source = folder.path("node.c")
    try Data(
      """
      __attribute__((section(".go.buildinfo"))) int information = 1;
      void node_module_register(void) {}
      void _start(void) { for (;;) {} }
      """.utf8
    ).write(to: URL(filePath: source))
    try Toolchain.run("gcc", "-static", "-nostdlib", "-o", folder.path("node"), source)
    let traits = ManagedRuntime.Traits(try ELFFile(opening: folder.path("node")))
    #expect(traits.sections.contains(".go.buildinfo"))
    #expect(traits.functions == ["node_module_register"])
    #expect(traits.isStatic)
    let shell = ManagedRuntime.Traits(try ELFFile(opening: "/bin/sh"))
    #expect(!shell.isStatic)
    #expect(shell.functions.isEmpty)
  }

  @Test func `nothing is missing of this process`() throws {
    var finder = AllocatorFinder(profile: .documented)
    let directory = ProcessDirectory(pid: getpid())
    _ = try finder.newFiles(in: directory)
    #expect(finder.obstacle(in: directory) == nil)
  }
}
