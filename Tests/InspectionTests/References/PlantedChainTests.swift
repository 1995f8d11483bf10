import AllocationModel
import Inspection
import Processes
import TestSupport
import Testing

/// A program that hangs chains of known lengths on roots of every kind, against the paths that are found to their ends.
@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct PlantedChainTests {
  private struct Chain {
    var kind: String
    /// As `RootReference.name` has it; nil for any.
    var name: String?
    /// nil: the root is of no thread.
    var thread: String?
    var hopCount: Int
    /// The block that ends it.
    var last: UInt64
    var byteCount: UInt64

    init(line: Substring) throws {
      let words = line.split(separator: " ").map(String.init)
      func text(_ word: String) -> String? {
        word == "-"
          ? nil
          : word.replacing("_key", with: " key").replacing("key_", with: "key ")
            .replacing("_keeper", with: " keeper")
      }
      kind = words[0]
      name = words[1].hasPrefix("pthread") ? text(words[1]) : words[1] == "-" ? nil : words[1]
      thread = text(words[2])
      hopCount = try #require(Int(words[3]))
      last = try #require(UInt64(words[4].dropFirst(2), radix: 16))
      byteCount = try #require(UInt64(words[5]))
    }
  }

  @Test func `each chain is found with its root, its length and what it retains`() async throws {
    let program = try await Program.start("planted_chains")
    let chains = try program.output.split(separator: "\n").dropLast().map(Chain.init)
    #expect(chains.count == 29)
    let survey = try Program.survey(of: program.pid)
    for chain in chains {
      let found = try #require(survey.references(to: chain.last, limit: 3))
      let path = try #require(found.paths.first, "\(chain)")
      #expect(path.root.kind.rawValue == chain.kind, "\(chain)")
      #expect(path.hops.count == chain.hopCount, "\(chain): \(path)")
      #expect(path.root.thread?.name == chain.thread, "\(chain)")
      if path.root.kind == .stack {
        #expect(path.root.owner == "sp", "\(chain)")
      } else if let name = chain.name {
        #expect(path.root.name == name, "\(chain)")
      }
      #expect(path.hops.last?.address == chain.last)
      #expect(path.hops.last?.field == nil)
      #expect(path.hops.dropLast().allSatisfy { $0.field == 24 })
      #expect(path.hops.dropFirst().allSatisfy { $0.entry == 0 })
      #expect(path.hops[0].entry == (chain.name?.hasSuffix("interior") == true ? 8 : 0))
      // All of it is held by its first block alone.
      let first = try #require(survey.references(to: path.hops[0].address, limit: 1))
      #expect(first.retainedByteCount == chain.byteCount, "\(chain)")
      #expect(found.retainedByteCount == chain.byteCount / UInt64(chain.hopCount), "\(chain)")
    }
  }

  @Test func `roots of kinds that do not count hold nothing`() async throws {
    let program = try await Program.start("planted_chains")
    let chains = try program.output.split(separator: "\n").dropLast().map(Chain.init)
    let survey = try Program.survey(of: program.pid)
    for chain in chains {
      let kind = try #require(RootReference.Kind(rawValue: chain.kind))
      let found = try #require(survey.references(to: chain.last, limit: 3, without: [kind]))
      #expect(found.paths.isEmpty, "\(chain)")
      #expect(found.retainedByteCount == 0, "\(chain)")
    }
  }

  @Test func `the variable that holds most comes first`() async throws {
    let program = try await Program.start("planted_chains")
    let survey = try Program.survey(of: program.pid)
    let holders = survey.holders(limit: 3)
    // Chains of 1 to 20 blocks of 72 bytes.
    let first = try #require(holders.holders.first)
    #expect(first.root?.name == "planted_chains!global_chains")
    #expect(first.retained == HeapLeaks.Total(blocks: 210, bytes: 210 * 72))
    #expect(first.largest.map(\.retained.blocks) == [20, 19, 18])
    #expect(holders.holders.count == 3)
  }
}
