import TestSupport
import Testing

extension KernelTests {
  /// What debug information adds to the stacks, also of a program that has ended by then.
  @Suite struct Names {
    @Test func `merged calls are frames of their own, each with its line`() async throws {
      let observed = try await HeaptapCommand.observe("inlined")
      let site = try #require(
        try observed.last().sites.first { $0.functions.first == "remember" })
      let stack = site.stack.prefix(5)
      #expect(stack.map(\.function) == ["remember", "parse", "dispatch", "request", "main"])
      #expect(stack.map(\.line) == [7, 11, 15, 19, 23])
      #expect(stack.allSatisfy { $0.file?.hasSuffix("/Workloads/inlined.c") == true })
      #expect(stack.map(\.inlined) == [true, true, true, false, false])
      #expect(Set(stack.prefix(4).map(\.offset)).count == 1)
      #expect(site.allocatedBlocks == 50)
      #expect(observed.result.errors == "")
    }

    @Test func `C++ functions are readable`() async throws {
      let last = try await HeaptapCommand.observe("bad_alloc").last()
      let names = last.sites.flatMap(\.functions)
      #expect(names.contains { $0.hasPrefix("operator new(") })
      #expect(!names.contains { $0.hasPrefix("_Z") })
    }
  }
}
