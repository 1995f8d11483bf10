import TestSupport
import Testing

extension KernelTests {
  /// Stacks of code without frame pointers, in the places where unwinding goes wrong easily.
  @Suite struct Stacks {
    @Test func `200 frames without frame pointers reach main`() async throws {
      let observed = try await HeaptapCommand.observe("deep_frames")
      let sites = try observed.last().sites
      let kinds: Set = ["small", "large", "saving", "varying"]
      let blocksByDepth = Dictionary(
        sites.map { site in
          (site.functions.count { kinds.contains($0) }, site.allocatedBlocks)
        },
        uniquingKeysWith: +
      )
      #expect(blocksByDepth == [1: 60, 34: 60, 67: 60, 100: 60, 133: 60, 166: 60, 199: 60])
      for site in sites { expectReachesStart(site) }
    }

    /// What is left of the other path in memory that nobody wrote since must not be taken for a
    /// part of this one.
    @Test func `return addresses of another path are not mixed in`() async throws {
      let observed = try await HeaptapCommand.observe("stale_frames")
      #expect(observed.truth["same_address"] == 1)
      let sites = try observed.last().sites
      let blocks = Dictionary(
        sites.map { (Array($0.functions.prefix(4)), $0.allocatedBlocks) },
        uniquingKeysWith: +
      )
      #expect(
        blocks == [
          ["inner", "middle", "first_path", "main"]: 1000,
          ["inner", "middle", "second_path", "main"]: 1000,
        ]
      )
      for site in sites { expectReachesStart(site) }
    }

    @Test func `a library where another one was is not taken for that`() async throws {
      let observed = try await HeaptapCommand.observe("reused_addresses")
      #expect(observed.truth["same_address"] == 10)
      let own = try observed.last().sites.filter { $0.functions.contains("use") }
        .filter { $0.stack.first?.module?.hasPrefix("library_") == true }
      let blocks = Dictionary(
        own.map { ([$0.stack[0].module ?? "?"] + $0.functions.prefix(3), $0.allocatedBlocks) },
        uniquingKeysWith: +
      )
      #expect(
        blocks == [
          ["library_a.so", "allocate_a", "use", "main"]: 70,
          ["library_b.so", "allocate_b", "use", "main"]: 50,
        ]
      )
    }

    @Test func `the constructor of a library is called by what loads it`() async throws {
      let sites = try await HeaptapCommand.observe("load_constructor").last().sites
      let own = try #require(sites.filter { $0.functions.first == "construct" }.only)
      #expect(own.allocatedBlocks == 7)
      #expect(own.allocatedBytes == 91)
      #expect(own.functions(from: "load").prefix(2) == ["load", "main"])
      expectReachesStart(own)
    }

    @Test func `binding a function at its first call is the work of the caller`() async throws {
      let sites = try await HeaptapCommand.observe("lazy_binding").last().sites
      let own = try #require(sites.filter { $0.functions.first == "allocate_a" }.only)
      #expect(own.functions.prefix(3) == ["allocate_a", "call_lazily", "main"])
      #expect(own.allocatedBlocks == 10)
      let binding = sites.filter {
        $0.functions.contains("call_lazily") && $0.functions.first != "allocate_a"
      }
      let noted = try #require(binding.only)
      #expect(noted.allocatedBlocks == 1)
      #expect(noted.stack.first?.module == "ld-linux-x86-64.so.2")
      #expect(noted.functions(from: "call_lazily").prefix(2) == ["call_lazily", "main"])
      expectReachesStart(own)
      expectReachesStart(noted)
    }

    /// Without an environment there is little above `main`, and the last page of the stack is not full. Addresses
    /// change from run to run.
    @Test func `a short stack that has to be handed over is walked to its end`() async throws {
      for _ in 0..<8 {
        let files = try ScratchDirectory()
        let result = try await HeaptapCommand.run(
          ["run", "--exact", "--json", "--top", "1000", "--output", files.path("reports")]
            + ["--", "env", "-i", try Workload.path("lazy_binding")])
        #expect(result.end == .status(0), "\(result.errors)")
        let last = try #require(try WatchReport.decode(files.text("reports")).last)
        #expect(last.sites.contains { $0.functions.first == "allocate_a" })
        for site in last.sites { #expect(!site.truncated, "\(site.functions)") }
      }
    }

    /// The frame between the handler and what it interrupted is libc's `__restore_rt`, whose name
    /// only debug information has.
    @Test func `a signal handler is called by the instruction it interrupted`() async throws {
      let sites = try await HeaptapCommand.observe("interrupted").last().sites
      let blocks = Dictionary(
        sites.map { site in
          (
            [site.functions.first ?? "?"] + site.functions.dropFirst(2).prefix(3),
            site.allocatedBlocks
          )
        },
        uniquingKeysWith: +
      )
      #expect(
        blocks == [
          ["handler", "interrupted", "on_own_stack", "main"]: 11,
          ["handler", "interrupted", "on_other_stack", "main"]: 13,
        ]
      )
      for site in sites { expectReachesStart(site) }
    }

    @Test func `a thread's stack begins at clone3`() async throws {
      let sites = try await HeaptapCommand.observe("thread_frames", lingering: true).last().sites
      let own = try #require(sites.filter { $0.functions.first == "keep" }.only)
      #expect(own.allocatedBlocks == 17)
      #expect(own.functions.prefix(2) == ["keep", "work"])
      // Between them is libc's `start_thread`, whose name only debug information has.
      #expect(own.stack.count == 4)
      #expect(own.stack.last?.function?.contains("clone3") == true)
      #expect(!own.truncated)
    }

    @Test func `generated code with a frame pointer is walked through`() async throws {
      let sites = try await HeaptapCommand.observe("generated_code", lingering: true).last().sites
      let own = try #require(sites.filter { $0.functions.contains("call_generated") }.only)
      #expect(own.allocatedBlocks == 19)
      #expect(own.stack.first?.function == nil)
      #expect(own.stack.first?.module == "[anon]")
      #expect(own.functions.dropFirst().prefix(2) == ["call_generated", "main"])
      expectReachesStart(own)
    }

    private func expectReachesStart(
      _ site: WatchReport.Site,
      at location: SourceLocation = #_sourceLocation
    ) {
      #expect(site.functions.contains("main"), sourceLocation: location)
      #expect(site.functions.last == "_start", sourceLocation: location)
      #expect(!site.truncated, sourceLocation: location)
    }
  }
}

extension WatchReport.Site {
  /// The functions from the innermost one of that name outwards.
  fileprivate func functions(from name: String) -> ArraySlice<String> {
    functions.drop { $0 != name }
  }
}

extension Array {
  /// The element of a list that has one.
  fileprivate var only: Element? { count == 1 ? first : nil }
}
