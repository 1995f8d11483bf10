import TestSupport
import Testing

extension KernelTests {
  /// Memory taken from the kernel outside the allocator.
  @Suite struct Mappings {
    @Test func `mappings are intervals: cut, covered, grown and moved`() async throws {
      let observed = try await HeaptapCommand.observe("mappings")
      #expect(observed.result.end == .status(0))
      let last = try observed.last()
      let own = last.mappings.filter { $0.stack.first?.module == "mappings" }
      #expect(Figures(own).liveBytes == observed.truth["mapped_bytes"])
      #expect(own.allSatisfy { $0.functions.first == "map" || $0.functions.first == "main" })
      #expect(last.lost.byReason == [:])
    }

    @Test func `the program break goes up and down`() async throws {
      let observed = try await HeaptapCommand.observe("break")
      #expect(observed.result.end == .status(0))
      let own = try observed.last().mappings.filter { $0.stack.first?.module == "break" }
      #expect(Figures(own).liveBytes == observed.truth["break_bytes"])
    }

    @Test func `thread stacks are mappings of pthread_create`() async throws {
      let observed = try await HeaptapCommand.observe("thread_stacks")
      #expect(observed.result.end == .status(0))
      let stacks = try observed.last().mappings.filter { site in
        site.functions.contains { $0.contains("pthread_create") }
          && site.stack.contains { $0.module == "thread_stacks" }
      }
      #expect(Figures(stacks).liveBytes == observed.truth["stack_bytes"])
    }
  }
}
